/** Pools: their timers and defaults, and the end of a storm. */
import { alreadyExists, LocumError, stateProblem } from '../../../shared/errors.ts';
import { DEFAULT_POOL, type Uid, uid } from '../../../shared/ids.ts';
import { DEFAULT_TIMERS, type Timers } from '../../../shared/protocol/timers.ts';
import { change, create, remove } from '../cluster/change.ts';
import { poolLiveOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { nextUid } from '../records/meta.ts';
import type { Pool } from '../records/state.ts';
import { checkTimers } from '../records/timers.ts';
import { endStorm } from '../servers/storm.ts';
import { type CallOf, checkEtag, goneOutcome, knownPool, type Outcome, poolOutcome } from './outcome.ts';

/** Slots of a server in a pool that says nothing about them; the comment of pool.proto says the same. */
export const DEFAULT_MAX_SLOTS = 50;

/** What silences are judged by. */
const RHYTHM = ['heartbeatMs', 'suspectAfterMs', 'missingAfterMs'] as const;

export function createPool(turn: Turn, request: CallOf<'create_pool'>, validateOnly: boolean): Outcome {
  const { state } = turn;
  if (state.pools.has(request.pool)) throw alreadyExists(`pools/${request.pool}`);
  const timers = checked(turn, { ...DEFAULT_TIMERS, ...request.timers });
  const pool = newPool(turn, request.pool, timers, { ...request, uid: validateOnly ? uid('') : nextUid(state.meta) });
  if (validateOnly) return poolOutcome(pool);
  create(turn, pool, { type: 'POOL_CREATED', cause: 'OPERATOR', message: `pool ${pool.id} was created` });
  return poolOutcome(pool);
}

export function newPool(
  turn: View,
  id: Pool['id'],
  timers: Timers,
  more: {
    readonly uid: Uid;
    readonly defaultFailback: Pool['defaultFailback'] | undefined;
    readonly defaultMaxSlots: number | undefined;
  },
): Pool {
  return {
    kind: 'pool',
    id,
    uid: more.uid,
    version: 0,
    createWall: turn.now.wall,
    updateWall: turn.now.wall,
    timers,
    defaultFailback: more.defaultFailback ?? 'NEVER',
    defaultMaxSlots: more.defaultMaxSlots ?? DEFAULT_MAX_SLOTS,
    order: [],
    stormNotBeforeAge: 0,
    orderVersion: 1,
  };
}

export function updatePool(turn: Turn, request: CallOf<'update_pool'>, validateOnly: boolean): Outcome {
  const pool = knownPool(turn, request.pool);
  checkEtag(request.etag, pool, `pools/${pool.id}`);
  const timers = checked(turn, { ...pool.timers, ...request.timers });
  if (timers.heartbeatMs > pool.timers.heartbeatMs) checkLiveLeases(turn, pool, timers);
  const isFaster = RHYTHM.some((name) => timers[name] < pool.timers[name]);
  const changed = {
    timers,
    defaultFailback: request.defaultFailback ?? pool.defaultFailback,
    defaultMaxSlots: request.defaultMaxSlots ?? pool.defaultMaxSlots,
  };
  if (validateOnly) return poolOutcome({ ...pool, ...changed });
  const news = { type: 'POOL_UPDATED', cause: 'OPERATOR', message: `pool ${pool.id} was changed` } as const;
  if (change(turn, pool, changed, news)) tellTimers(turn, pool, isFaster);
  return poolOutcome(pool);
}

function tellTimers(turn: Turn, { order, timers }: Pool, isFaster: boolean): void {
  for (const id of order) {
    const live = serverLiveOf(turn.state, id);
    const { session } = live;
    // Nobody was told yet: the silence until now was that of the old rhythm.
    if (isFaster) live.rhythmSinceMono = turn.now.mono;
    if (session !== undefined)
      turn.queueCommand(session, { kind: 'plain', message: { kind: 'timers_changed', timers } });
  }
}

export function deletePool(turn: Turn, request: CallOf<'delete_pool'>, validateOnly: boolean): Outcome {
  const { state } = turn;
  const pool = knownPool(turn, request.pool);
  const name = `pools/${pool.id}`;
  checkEtag(request.etag, pool, name);
  if (pool.id === DEFAULT_POOL) throw stateProblem('POOL_IN_USE', name, 'pools/default always exists');
  if (pool.order.length > 0) {
    throw stateProblem('POOL_IN_USE', name, `${name} has ${pool.order.length} servers: delete them first`);
  }
  if ([...state.policies.values()].some((policy) => policy.spec.pool === pool.id)) {
    throw stateProblem('POOL_IN_USE', name, `${name} has policies: delete them first`);
  }
  if (validateOnly) return goneOutcome(name);
  remove(turn, pool, { type: 'POOL_DELETED', cause: 'OPERATOR', message: `pool ${pool.id} was deleted` });
  return goneOutcome(name);
}

export function proceedTakeovers(turn: Turn, request: CallOf<'proceed_takeovers'>, validateOnly: boolean): Outcome {
  const { state } = turn;
  const pool = knownPool(turn, request.pool);
  const stormy = poolLiveOf(state, pool.id).storm.activeSinceMono !== undefined;
  const runs = [...state.runs.values()].filter((run) => run.pool === pool.id && run.state.kind === 'FENCING');
  if (!validateOnly) endStorm(turn, pool, 'OPERATOR');
  return { resource: `pools/${pool.id}`, value: { kind: 'runs', runs: stormy ? runs.map((run) => run.id) : [] } };
}

/** What runs has its frozen lease, and must stand two lost heartbeats of the new interval with it (semantics 4). */
function checkLiveLeases(turn: View, pool: Pool, timers: Timers): void {
  for (const run of turn.state.runs.values()) {
    if (run.pool !== pool.id) continue;
    for (const { state, terms, epoch } of run.attempts) {
      if (state.kind === 'ENDED' || terms.onDisconnect !== 'STOP' || 3.3 * timers.heartbeatMs <= terms.leaseMs)
        continue;
      const inequality = '3·1.1·h ≤ L of what runs';
      const detail = `${inequality} does not hold: ${run.id} (epoch ${epoch}) has a lease of ${terms.leaseMs / 1000} s; restart what runs with the new lease first, then raise h`;
      throw new LocumError('TIMERS_INVALID', `pool.timers: ${detail}`, {
        fieldViolations: [{ field: 'pool.timers', description: detail }],
        metadata: { inequality },
      });
    }
  }
}

function checked({ electionTtlMs }: Turn, timers: Timers): Timers {
  const check = checkTimers(timers, { electionTtlMs });
  if (check.kind === 'ok') return timers;
  const fieldViolations = [{ field: 'pool.timers', description: `${check.inequality}: ${check.detail}` }];
  throw new LocumError('TIMERS_INVALID', `pool.timers: ${check.detail}`, {
    fieldViolations,
    metadata: { inequality: check.inequality },
  });
}
