/** Servers: core ⇄ API and store. What is derived from other records is added by the API's projections. */
import { create } from '@bufbuild/protobuf';
import { capabilityFromProto, capabilityToProto } from '../../shared/codec/capability.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { required, requiredId, requiredTime, requiredWord } from '../../shared/codec/required.ts';
import {
  EarlierAttemptSchema,
  type EarlierLife as EarlierLifeRecord,
  EarlierLifeSchema,
  type ServerRecord,
  ServerRecordSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import { type ProbeFailure as PbProbeFailure, ProbeFailureSchema } from '../../shared/gen/locum/v1/capability_pb.ts';
import {
  type DrainStatus,
  DrainStatusSchema,
  Load,
  type Server as PbServer,
  ServerSchema,
} from '../../shared/gen/locum/v1/server_pb.ts';
import { epoch, policyId, runId, uid } from '../../shared/ids.ts';
import { parsePoolName, parseServerName, poolName, serverName } from '../../shared/resource-name.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { bootMark } from '../core/records/boot-mark.ts';
import type { EarlierLife } from '../core/records/earlier-attempt.ts';
import { etagOf } from '../core/records/etag.ts';
import type { Drain, FailingProbe, Server } from '../core/records/state.ts';
import { gateFromRecord, gateToRecord } from './server-gate.ts';
import { intentWords, livenessWords } from './words.ts';

/** As it is shown: what its agent is known by is not. */
export function serverToProto(server: Server): PbServer {
  const { maxSlots, drain } = server;
  return create(ServerSchema, {
    name: serverName(server.id),
    uid: server.uid,
    etag: etagOf(server),
    createTime: toTimestamp(server.createWall),
    updateTime: toTimestamp(server.updateWall),
    pool: poolName(server.pool),
    ...(maxSlots === undefined ? {} : { maxSlots }),
    labels: { ...server.labels },
    liveness: livenessWords.to[server.liveness],
    intent: intentWords.to[server.intent],
    load: server.saturated ? Load.SATURATED : Load.AVAILABLE,
    capabilities: server.capabilities.map(capabilityToProto),
    probeFailures: server.probeFailures.map(probeToProto),
    bootId: bootMark(server),
    agentVersion: server.agentVersion,
    ...(drain === undefined ? {} : { drain: drainToProto(drain) }),
    deleting: server.deleting,
  });
}

const probeToProto = ({ probe, detail, sinceWall }: FailingProbe) =>
  create(ProbeFailureSchema, { probe, detail, sinceTime: toTimestamp(sinceWall) });

const probeFromProto = ({ probe, detail, sinceTime }: PbProbeFailure): FailingProbe => ({
  ...{ probe, detail },
  sinceWall: requiredTime(sinceTime, 'probe_failures.since_time'),
});

function drainToProto({ startWall, deadlineWall, letFinish, done }: Drain): DrainStatus {
  const times = { startTime: toTimestamp(startWall), deadline: toTimestamp(deadlineWall) };
  return create(DrainStatusSchema, { ...times, letFinish, done });
}

function drainFromProto(drain: DrainStatus, deadlineAgeMs: bigint | undefined): Drain {
  const { startTime, deadline, letFinish, done } = drain;
  return {
    startWall: requiredTime(startTime, 'drain.start_time'),
    deadlineWall: fromTimestamp(deadline),
    deadlineAge: deadlineAgeMs === undefined ? undefined : fromUint64(deadlineAgeMs, 'drain_deadline_age_ms'),
    letFinish,
    done,
  };
}

function earlierLifeToProto({ instanceId, machineId, attempts, moreIn }: EarlierLife): EarlierLifeRecord {
  const each = attempts.map((attempt) => create(EarlierAttemptSchema, { ...attempt, epoch: toUint64(attempt.epoch) }));
  return create(EarlierLifeSchema, {
    ...{ instanceId, machineId, attempts: each },
    ...(moreIn === undefined ? {} : { moreIn }),
  });
}

function earlierLifeFromProto({ instanceId, machineId, attempts, moreIn }: EarlierLifeRecord): EarlierLife {
  const each = attempts.map((attempt) => ({
    run: runId(attempt.run),
    epoch: epoch(fromUint64(attempt.epoch, 'earlier_life.attempts.epoch')),
    policy: policyId(attempt.policy),
    instanceId: attempt.instanceId,
  }));
  return { instanceId, machineId, attempts: each, moreIn };
}

export function serverToRecord(server: Server): ServerRecord {
  const { agentMaxSlots, earlierLife, instanceId, machineId, bootId } = server;
  const gate = gateToRecord(server.gate);
  const deadlineAge = server.drain?.deadlineAge;
  return create(ServerRecordSchema, {
    server: Object.assign(serverToProto(server), { instanceId, machineId, bootId }),
    version: toUint64(server.version),
    livenessSinceTime: toTimestamp(server.livenessSinceWall),
    ...(agentMaxSlots === undefined ? {} : { agentMaxSlots }),
    settledIncarnation: toUint64(server.settledIncarnation),
    ...(earlierLife === undefined ? {} : { earlierLife: earlierLifeToProto(earlierLife) }),
    ...(gate === undefined ? {} : { gate }),
    ...(deadlineAge === undefined ? {} : { drainDeadlineAgeMs: toUint64(deadlineAge) }),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function serverFromRecord(record: ServerRecord): Server {
  const server = required(record.server, 'server');
  return {
    kind: 'server',
    id: requiredId(parseServerName, server.name, 'name'),
    version: fromUint64(record.version, 'version'),
    uid: uid(server.uid),
    createWall: requiredTime(server.createTime, 'create_time'),
    updateWall: requiredTime(server.updateTime, 'update_time'),
    pool: requiredId(parsePoolName, server.pool, 'pool'),
    maxSlots: server.maxSlots,
    labels: { ...server.labels },
    intent: requiredWord(intentWords, server.intent, 'intent'),
    drain: server.drain === undefined ? undefined : drainFromProto(server.drain, record.drainDeadlineAgeMs),
    liveness: requiredWord(livenessWords, server.liveness, 'liveness'),
    livenessSinceWall: requiredTime(record.livenessSinceTime, 'liveness_since_time'),
    instanceId: server.instanceId,
    machineId: server.machineId,
    bootId: server.bootId,
    agentVersion: server.agentVersion,
    capabilities: server.capabilities.map(capabilityFromProto),
    probeFailures: server.probeFailures.map(probeFromProto),
    agentMaxSlots: record.agentMaxSlots,
    saturated: server.load === Load.SATURATED,
    gate: gateFromRecord(record.gate),
    settledIncarnation: fromUint64(record.settledIncarnation, 'settled_incarnation'),
    earlierLife: record.earlierLife === undefined ? undefined : earlierLifeFromProto(record.earlierLife),
    deleting: server.deleting,
  };
}
