/** Pools and their orders: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { required, requiredId, requiredTime, requiredWord } from '../../shared/codec/required.ts';
import { timersFromProto, timersToProto } from '../../shared/codec/timers.ts';
import { type PoolRecord, PoolRecordSchema } from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  MovePlanSchema,
  type MovePlan as PbMovePlan,
  type Pool as PbPool,
  type ServerOrder as PbServerOrder,
  PoolSchema,
  ServerOrderSchema,
} from '../../shared/gen/locum/v1/pool_pb.ts';
import { serverId, uid } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import { bytesOfTexts, cutToBytes } from '../../shared/parts.ts';
import { parsePoolName, policyName, poolName, runName, serverName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { MovePlan } from '../core/cluster/event.ts';
import { etagOf, orderEtagOf } from '../core/records/etag.ts';
import type { Pool } from '../core/records/state.ts';
import { failbackWords } from './words.ts';

export function poolToProto(pool: Pool): PbPool {
  return create(PoolSchema, {
    name: poolName(pool.id),
    uid: pool.uid,
    etag: etagOf(pool),
    createTime: toTimestamp(pool.createWall),
    updateTime: toTimestamp(pool.updateWall),
    timers: timersToProto(pool.timers),
    defaultFailback: failbackWords.to[pool.defaultFailback],
    defaultMaxSlots: pool.defaultMaxSlots,
  });
}

export function orderToProto(pool: Pool): PbServerOrder {
  return create(ServerOrderSchema, {
    pool: poolName(pool.id),
    servers: pool.order.map(serverName),
    etag: orderEtagOf(pool),
  });
}

/** Moves and stays have half of a page each; what has no room is counted. */
export function movePlanToProto(plan: MovePlan): PbMovePlan {
  const moves = cutToBytes(
    plan.moves.map(({ run, policy, from, to }) => ({
      run: runName(run),
      policy: policyName(policy),
      fromServer: serverName(from),
      toServer: serverName(to),
    })),
    bytesOfTexts,
    LIMITS.pageBytes / 2,
  );
  const stays = cutToBytes(
    plan.stays.map(({ run, policy, server, reason }) => ({
      run: runName(run),
      policy: policyName(policy),
      server: serverName(server),
      reason,
    })),
    bytesOfTexts,
    LIMITS.pageBytes / 2,
  );
  const omitted = { omittedMoves: moves.omitted, omittedStays: stays.omitted };
  return create(MovePlanSchema, { moves: [...moves.kept], stays: [...stays.kept], ...omitted });
}

export function poolToRecord(pool: Pool): PoolRecord {
  return create(PoolRecordSchema, {
    pool: poolToProto(pool),
    version: toUint64(pool.version),
    order: [...pool.order],
    orderVersion: toUint64(pool.orderVersion),
    stormNotBeforeAgeMs: toUint64(pool.stormNotBeforeAge),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function poolFromRecord(record: PoolRecord): Pool {
  const pool = required(record.pool, 'pool');
  return {
    kind: 'pool',
    id: requiredId(parsePoolName, pool.name, 'name'),
    version: fromUint64(record.version, 'version'),
    uid: uid(pool.uid),
    createWall: requiredTime(pool.createTime, 'create_time'),
    updateWall: requiredTime(pool.updateTime, 'update_time'),
    timers: timersFromProto(pool.timers),
    defaultFailback: requiredWord(failbackWords, pool.defaultFailback, 'default_failback'),
    defaultMaxSlots: required(pool.defaultMaxSlots, 'default_max_slots'),
    order: record.order.map(serverId),
    orderVersion: fromUint64(record.orderVersion, 'order_version'),
    stormNotBeforeAge: fromUint64(record.stormNotBeforeAgeMs, 'storm_not_before_age_ms'),
  };
}
