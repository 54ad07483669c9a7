/** Pools and the order of their servers. */
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { assert } from '../../shared/assert.ts';
import { timersPatchFromProto } from '../../shared/codec/timers.ts';
import { invalidField } from '../../shared/errors.ts';
import { Apply as PbApply, type Pool as PbPool, PoolSchema } from '../../shared/gen/locum/v1/pool_pb.ts';
import {
  CreatePoolRequestSchema,
  DeletePoolRequestSchema,
  type PoolService,
  SetServerOrderRequestSchema,
  type UpdatePoolRequest,
  UpdatePoolRequestSchema,
} from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { type PoolId, poolId } from '../../shared/ids.ts';
import { DEFAULT_TIMERS, type Timers } from '../../shared/protocol/timers.ts';
import { poolName } from '../../shared/resource-name.ts';
import { movePlanToProto, orderToProto, poolToProto } from '../codec/pool.ts';
import { failbackWords } from '../codec/words.ts';
import { DEFAULT_MAX_SLOTS } from '../core/calls/pool-calls.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { Apply, Call } from '../core/cluster/event.ts';
import type { Pool } from '../core/records/state.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { indexAfterText, pageOf } from './page.ts';
import { found, poolIdOf, serverIdOf } from './resource-id.ts';
import { sightOf } from './sight.ts';
import { maskPaths } from './update-mask.ts';
import { watchResources } from './watch-resources.ts';

const TIMER_PATHS = {
  'timers.heartbeat_interval': 'heartbeatMs',
  'timers.suspect_after': 'suspectAfterMs',
  'timers.lease': 'leaseMs',
  'timers.stop_timeout': 'stopTimeoutMs',
  'timers.kill_guard': 'killGuardMs',
  'timers.missing_after': 'missingAfterMs',
} as const satisfies Record<string, keyof Timers>;

const UPDATABLE = ['timers', 'default_failback', 'default_max_slots', ...Object.keys(TIMER_PATHS)];

export function applyOf(apply: PbApply): Apply {
  return apply === PbApply.MOVE_NOW ? 'MOVE_NOW' : 'NEW_ONLY';
}

/** What an update says about a pool: with a mask its fields, unset ones as defaults; without one the fields that are set. */
function poolUpdate({
  pool,
  updateMask,
}: UpdatePoolRequest): Pick<Extract<Call, { kind: 'update_pool' }>, 'timers' | 'defaultFailback' | 'defaultMaxSlots'> {
  assert(pool !== undefined, 'the rules require a pool');
  const paths = maskPaths(updateMask, UPDATABLE);
  const timers = timersPatchFromProto(pool.timers);
  const failback = failbackWords.from.get(pool.defaultFailback);
  if (paths === undefined) {
    return { timers, defaultFailback: failback, defaultMaxSlots: pool.defaultMaxSlots };
  }
  return {
    timers: paths.has('timers')
      ? { ...DEFAULT_TIMERS, ...timers }
      : timersNamed(paths, { ...DEFAULT_TIMERS, ...timers }),
    defaultFailback: paths.has('default_failback') ? (failback ?? 'NEVER') : undefined,
    defaultMaxSlots: paths.has('default_max_slots') ? (pool.defaultMaxSlots ?? DEFAULT_MAX_SLOTS) : undefined,
  };
}

function timersNamed(paths: ReadonlySet<string>, timers: Timers): Partial<Timers> {
  const named = Object.entries(TIMER_PATHS).filter(([path]) => paths.has(path));
  return Object.fromEntries(named.map(([, key]) => [key, timers[key]]));
}

export function poolService(api: ApiContext): ServiceImpl<typeof PoolService> {
  return {
    async getPool({ name }, context) {
      const id = poolIdOf(name);
      return api.leaderTerm().read((state) => ({ pool: poolToProto(seenPool(state, context, { id, name })) }));
    },

    async listPools(request, context) {
      return api.leaderTerm().read((state) => {
        const sight = sightOf(context, state);
        const ids = [...state.pools.keys()].filter((id) => sight.pool({ id })).sort();
        const { shown, nextPageToken } = pageOf(ids, request, {
          question: ['ListPools'],
          cursorOf: String,
          indexAfter: indexAfterText(String),
          schema: PoolSchema,
          show: (id) => poolToProto(found(state.pools.get(id), poolName(id))),
        });
        return { pools: shown, nextPageToken };
      });
    },

    async createPool(message, context) {
      const pool = requiredPool(message.pool);
      const submission = { schema: CreatePoolRequestSchema, message, context };
      const request: Call = {
        kind: 'create_pool',
        pool: poolIdOf(pool.name, 'pool.name'),
        timers: timersPatchFromProto(pool.timers),
        defaultFailback: failbackWords.from.get(pool.defaultFailback),
        defaultMaxSlots: pool.defaultMaxSlots,
      };
      const value = await submit(api, submission, request, 'pool');
      return { pool: poolToProto(value.pool), ...planOf(value) };
    },

    async updatePool(message, context) {
      const pool = requiredPool(message.pool);
      const id = poolIdOf(pool.name, 'pool.name');
      const request: Call = { kind: 'update_pool', pool: id, etag: pool.etag, ...poolUpdate(message) };
      const value = await submit(api, { schema: UpdatePoolRequestSchema, message, context }, request, 'pool');
      return { pool: poolToProto(value.pool), ...planOf(value) };
    },

    async deletePool(message, context) {
      const request: Call = { kind: 'delete_pool', pool: poolIdOf(message.name), etag: message.etag };
      return planOf(await submit(api, { schema: DeletePoolRequestSchema, message, context }, request, 'gone'));
    },

    async getServerOrder({ pool: name }, context) {
      const id = poolIdOf(name, 'pool');
      return api.leaderTerm().read((state) => ({ order: orderToProto(seenPool(state, context, { id, name })) }));
    },

    async setServerOrder(message, context) {
      const request: Call = {
        kind: 'set_order',
        pool: poolIdOf(message.pool, 'pool'),
        servers: message.servers.map((name, index) => serverIdOf(name, `servers[${index}]`)),
        etag: message.etag,
        apply: applyOf(message.apply),
      };
      const value = await submit(api, { schema: SetServerOrderRequestSchema, message, context }, request, 'order');
      return { order: orderToProto(value.pool), plan: movePlanToProto(value.plan), ...planOf(value) };
    },

    async *watchPools({ revision }, context) {
      const items = watchResources(api, revision, context.signal, {
        folder: 'pools',
        seesAll: (state) => sightOf(context, state).isWhole,
        list: (state) => [...state.pools.keys()].sort(),
        project: (state, _, id) => {
          const pool = state.pools.get(poolId(id));
          return pool === undefined || !sightOf(context, state).pool(pool) ? undefined : poolToProto(pool);
        },
      });
      for await (const { value, ...rest } of items) {
        yield value === undefined ? rest : { ...rest, change: { case: 'pool' as const, value } };
      }
    },
  };
}

function seenPool(
  state: ClusterState,
  context: HandlerContext,
  { id, name }: { readonly id: PoolId; readonly name: string },
): Pool {
  const sight = sightOf(context, state);
  return sight.found(state.pools.get(id), name, (pool) => sight.pool(pool));
}

function requiredPool(pool: PbPool | undefined): PbPool {
  if (pool === undefined) throw invalidField('pool', 'is required');
  return pool;
}
