/** Election: takes over the records of the store, and starts all waits anew from T0 (semantics C5, C9). */
import { AUDIT_LOGS } from '../../shared/access/audit-chain.ts';
import { assert, unreachable } from '../../shared/assert.ts';
import { DEFAULT_POOL, firstOfIncarnation } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';
import { newPool } from './calls/pool-calls.ts';
import { audit, create, SILENT, tell } from './cluster/change.ts';
import type { ClusterState } from './cluster/cluster.ts';
import type { FromShell } from './cluster/event.ts';
import { enter, linkAll } from './cluster/links.ts';
import { type CoreOptions, Turn, type View } from './cluster/turn.ts';
import { refreshIndex } from './placement/capacity.ts';
import { newMeta, nextUid } from './records/meta.ts';
import { endAgeOf, isEnded } from './records/run-state.ts';
import type { Run, Server, StateRecord } from './records/state.ts';
import { takeoverWaitMs } from './records/timers.ts';
import { expectEarlierLife } from './runs/earlier-life.ts';
import { keepEndedRun } from './runs/retention.ts';

type Elected = Extract<FromShell, { readonly kind: 'elected' }>;

export function takeOffice(turn: Turn, elected: Elected): void {
  takeOver(turn, elected);
  auditRestore(turn, elected);
  const message = `term ${elected.term} begins; running policies are adopted as their agents return`;
  tell(turn, 'CLUSTER', { type: 'LEADER_ELECTED', cause: 'CAMPAIGN', message });
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
  keepAudit(turn, elected.records);
  for (const record of [...state.pools.values(), ...state.servers.values(), ...state.policies.values()])
    linkAll(turn, record);
  linkRuns(turn);
  if (!state.pools.has(DEFAULT_POOL)) createDefaultPool(turn);
  for (const pool of state.pools.keys()) turn.lookAtPool(pool);
  for (const server of state.servers.values()) armServer(turn, server);
  for (const policy of state.policies.keys()) turn.lookAtPolicy(policy);
  state.lostLeasesMs = longestWait(turn);
  // The first incarnation of a store has no earlier life whose work could still run.
  if (elected.firstOfIncarnation && elected.incarnation > 1) state.noStartBeforeMono = now.mono + state.lostLeasesMs;
}

function take(turn: Turn, record: StateRecord, floor: number): void {
  const { state } = turn;
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
    case 'server':
      enter(turn, expectEarlierLife(state, record));
      return;
    case 'pool':
    case 'policy':
    case 'run':
      enter(turn, record);
      return;
    case 'role':
    case 'token':
    case 'user':
      state.access.put(record);
      return;
    case 'join_token':
      state.joinTokens.set(record.id, record);
      return;
    case 'revocation':
      state.revocations.set(record.server, record);
      return;
    case 'authority':
      state.authority = record;
      return;
    case 'hook':
      state.hooks.set(record.hook, record);
      return;
    case 'event':
      // Whose room it takes is known once everything is there.
      return;
    case 'request':
    case 'audit':
    case 'audit_head':
      // They are taken over oldest first, once all are there.
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

/** Any stored attempt that is not ended may live: its wait starts at T0, and its start may have been sent. */
function linkRuns(turn: Turn): void {
  const { state, now } = turn;
  const ended: Run[] = [];
  for (const run of state.runs.values()) {
    linkAll(turn, run);
    if (isEnded(run)) {
      ended.push(run);
      continue;
    }
    for (const attempt of run.attempts) {
      if (attempt.state.kind === 'ENDED') continue;
      state.attemptLive.set(attempt.epoch, {
        lastGrantMono: now.mono,
        prolongedBy: undefined,
        mayHaveBeenSent: true,
        startedIn: undefined,
        startSentMono: undefined,
        stopSentIn: undefined,
        lastWordMono: undefined,
      });
    }
    turn.lookAtRun(run.id);
  }
  for (const run of ended.sort((a, b) => endAgeOf(a) - endAgeOf(b))) keepEndedRun(turn, run);
}

/** The oldest first. */
function keepRequests({ state }: Turn, records: readonly StateRecord[]): void {
  const requests = records.filter((record) => record.kind === 'request');
  for (const request of requests.sort((a, b) => a.age - b.age)) state.requests.add(request);
}

/** There may be room for fewer entries than before: those that have to go are dropped here. */
function keepAudit({ state, journal }: Turn, records: readonly StateRecord[]): void {
  const entries = records.flatMap((record) => (record.kind === 'audit' ? [record.entry] : []));
  const sorted = entries.sort((a, b) => a.number - b.number);
  for (const log of AUDIT_LOGS) {
    const head = records.find((record) => record.kind === 'audit_head' && record.log === log);
    const own = sorted.filter((entry) => entry.log === log);
    const dropped = state.audit[log].takeOver(own, head?.kind === 'audit_head' ? head : undefined);
    if (dropped.length > 0) journal.auditDropped(log, dropped);
  }
}

/** What was written after the copy that the store was set back to is undone: the chain says so itself. */
function auditRestore(turn: Turn, { firstOfIncarnation, incarnation }: Elected): void {
  if (!firstOfIncarnation || incarnation === 1) return;
  const { wall } = turn.now;
  const nobody = { principal: 'controller', method: '', resource: '', requestId: '', source: '' };
  audit(turn, 'CHANGES', { kind: 'RESTORE', ...nobody, outcome: 'OK', count: 1, firstWall: wall, lastWall: wall });
}

function createDefaultPool(turn: Turn): void {
  const uid = nextUid(turn.state.meta);
  const pool = newPool(turn, DEFAULT_POOL, turn.initialTimers, {
    uid,
    defaultFailback: undefined,
    defaultMaxSlots: undefined,
  });
  // Nobody made it: a cluster begins with it.
  create(turn, pool, SILENT);
}

function armServer(turn: Turn, server: Server): void {
  refreshIndex(turn.state, server.id);
  turn.judgeSilenceOf(server.id);
  turn.lookAtServer(server.id);
}

/** W with the largest G known: of every pool, policy and unended attempt. */
function longestWait(turn: View): number {
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
