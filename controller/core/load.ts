/** Election: takes over the records of the store, and starts all waits anew from T0 (semantics C5, C9). */
import { assert, unreachable } from '../../shared/assert.ts';
import { DEFAULT_POOL, firstOfIncarnation } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';
import { addPool, newPool } from './calls/pool-calls.ts';
import {
  type ClusterState,
  newMeta,
  newPoolLive,
  newServerLive,
  nextUid,
  poolLiveOf,
  serverLiveOf,
} from './cluster/cluster.ts';
import type { FromShell } from './cluster/event.ts';
import { type CoreOptions, Turn } from './cluster/turn.ts';
import { refreshIndex } from './placement/capacity.ts';
import { parseRequirement, type Requirement } from './records/capability.ts';
import type { Policy, Run, Server, StateRecord } from './records/state.ts';
import { takeoverWaitMs } from './records/timers.ts';
import { expectEarlierLife } from './runs/earlier-life.ts';
import { refreshOrder } from './runs/placing.ts';
import { keepEndedRun } from './runs/retention.ts';
import { isEnded } from './runs/run.ts';

type Elected = Extract<FromShell, { readonly kind: 'elected' }>;

export function takeOffice(turn: Turn, elected: Elected): void {
  takeOver(turn, elected);
  turn.journal.event({
    type: 'LEADER_ELECTED',
    cause: 'CAMPAIGN',
    message: `term ${elected.term} begins; running policies are adopted as their agents return`,
  });
}

/** The state that the records make, without a leader who decides anything: for reading only. */
export function stateOf(options: CoreOptions, elected: Elected, now: Now): ClusterState {
  const turn = new Turn(options);
  turn.now = now;
  turn.journal.now = now;
  takeOver(turn, elected);
  return turn.state;
}

function takeOver(turn: Turn, elected: Elected): void {
  const { state, now } = turn;
  assert(state.term === 0, 'a core is elected once; a new leadership gets a new core');
  state.term = elected.term;
  state.clusterId = elected.clusterId;
  state.incarnation = elected.incarnation;
  state.electedMono = now.mono;
  state.electedWall = now.wall;
  const floor = firstOfIncarnation(elected.incarnation);
  state.meta = newMeta(floor);
  for (const record of elected.records) take(turn, record, floor);
  state.electedAge = state.meta.age;
  keepEvents(turn, elected.records);
  keepRequests(turn, elected.records);
  linkRuns(turn);
  if (!state.pools.has(DEFAULT_POOL)) createDefaultPool(turn);
  for (const pool of state.pools.keys()) refreshOrder(turn, pool);
  for (const server of state.servers.values()) armServer(turn, server);
  for (const policy of state.policies.keys()) turn.dirtyPolicies.add(policy);
  // The first incarnation of a store has no earlier life whose work could still run.
  if (elected.firstOfIncarnation && elected.incarnation > 1) state.noStartBeforeMono = now.mono + longestWait(turn);
}

function take(turn: Turn, record: StateRecord, floor: number): void {
  const { state, now } = turn;
  switch (record.kind) {
    case 'meta':
      state.meta = {
        ...record,
        lastEpoch: Math.max(record.lastEpoch, floor),
        lastUid: Math.max(record.lastUid, floor),
        lastEvent: Math.max(record.lastEvent, floor),
        lastEventBefore: record.lastEvent < floor ? record.lastEvent : record.lastEventBefore,
      };
      return;
    case 'pool':
      state.pools.set(record.id, record);
      state.poolLive.set(record.id, newPoolLive());
      return;
    case 'server':
      expectEarlierLife(state, record);
      state.servers.set(record.id, record);
      state.serverLive.set(record.id, newServerLive(now.mono));
      return;
    case 'policy':
      state.policies.set(record.id, record);
      state.policyLive.set(record.id, {
        requirements: requirementsOf(record),
        runs: new Set(),
        nextTickWall: undefined,
      });
      return;
    case 'run':
      state.runs.set(record.id, record);
      return;
    case 'event':
      // Whose room it takes is known once everything is there.
      return;
    case 'request':
      // They are remembered oldest first, once all are there.
      return;
    default:
      unreachable(record);
  }
}

/** Its owners may have fewer events than before: those that have to go are dropped here. */
function keepEvents({ state, journal }: Turn, records: readonly StateRecord[]): void {
  state.events.droppedBefore(state.meta.droppedEvent);
  const events = records.filter((record) => record.kind === 'event');
  for (const event of events.sort((a, b) => a.number - b.number)) journal.keepEvent(event);
}

function requirementsOf(policy: Policy): readonly Requirement[] {
  return policy.spec.requirements.map((text) => {
    const parsed = parseRequirement(text);
    assert(parsed.kind === 'ok', `requirement ${text} of ${policy.id} was checked before it was stored`);
    return parsed.requirement;
  });
}

/** Indexes the runs. Any stored attempt that is not ended may live: its wait starts at T0, and its start may have been sent. */
function linkRuns(turn: Turn): void {
  const { state, now } = turn;
  const ended: Run[] = [];
  for (const run of state.runs.values()) {
    if (isEnded(run)) {
      ended.push(run);
      continue;
    }
    state.policyLive.get(run.policy)?.runs.add(run.id);
    for (const attempt of run.attempts) {
      if (attempt.state === 'ENDED') continue;
      state.attemptLive.set(attempt.epoch, {
        lastGrantMono: now.mono,
        coveredBy: undefined,
        handed: true,
        startedIn: undefined,
        startSentMono: undefined,
        stopSentIn: undefined,
        lastWordMono: undefined,
      });
      serverLiveOf(state, attempt.server).runs.add(run.id);
    }
    if (run.reservation !== undefined) {
      for (const id of [run.reservation.server, run.reservation.from])
        state.serverLive.get(id)?.reservations.add(run.id);
      state.poolLive.get(run.pool)?.moving.add(run.id);
    }
    if (run.wantedMove !== undefined) state.poolLive.get(run.pool)?.wantingMoves.add(run.id);
    turn.dirtyRuns.add(run.id);
  }
  for (const run of ended.sort((a, b) => a.endAge - b.endAge)) keepEndedRun(turn, run);
}

/** The oldest first. */
function keepRequests({ state }: Turn, records: readonly StateRecord[]): void {
  const requests = records.filter((record) => record.kind === 'request');
  for (const request of requests.sort((a, b) => a.age - b.age)) state.requests.add(request);
}

function createDefaultPool(turn: Turn): void {
  addPool(
    turn,
    newPool(turn, DEFAULT_POOL, turn.initialTimers, {
      uid: nextUid(turn.state.meta),
      defaultFailback: undefined,
      defaultMaxSlots: undefined,
    }),
  );
}

function armServer(turn: Turn, server: Server): void {
  refreshIndex(turn.state, server.id);
  turn.dueServers.add(server.id);
  turn.dirtyServers.add(server.id);
  if (server.intent === 'DRAINING') poolLiveOf(turn.state, server.pool).draining.add(server.id);
}

/** W with the largest G known: of every pool, policy and unended attempt. */
function longestWait(turn: Turn): number {
  const { state } = turn;
  let longest = 0;
  for (const pool of state.pools.values()) longest = Math.max(longest, takeoverWaitMs(pool.timers));
  for (const policy of state.policies.values()) {
    const timers = state.pools.get(policy.spec.pool)?.timers;
    const stopTimeoutMs = policy.spec.stopTimeoutMs ?? 0;
    if (timers !== undefined) longest = Math.max(longest, takeoverWaitMs({ ...timers, stopTimeoutMs }));
  }
  for (const run of state.runs.values()) {
    const missingAfterMs = state.pools.get(run.pool)?.timers.missingAfterMs ?? 0;
    for (const attempt of run.attempts)
      longest = Math.max(longest, takeoverWaitMs({ missingAfterMs, ...attempt.terms }));
  }
  return longest;
}
