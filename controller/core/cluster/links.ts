/**
 * What is kept ready because records say it: which runs a server has, who is being moved, which servers are drained. Each of these follows
 * from one field, and is brought up to date here whenever a record comes, changes or goes, so that no transition has to.
 */
import { assert } from '../../../shared/assert.ts';
import { parseRequirement, type Requirement } from '../records/capability.ts';
import { impliedRequirements } from '../records/implied-requirements.ts';
import { isEnded } from '../records/run-state.ts';
import type { Attempt, Policy, Pool, Run, Server } from '../records/state.ts';
import { poolLiveOf } from './cluster.ts';
import type { Changing } from './dependants.ts';
import { newPoolLive, newServerLive } from './live.ts';
import type { Turn } from './turn.ts';

/** Puts a record into the state, with the part of it that lives only while this leader leads. */
export function enter(turn: Turn, record: Changing): void {
  const { state } = turn;
  switch (record.kind) {
    case 'pool':
      state.pools.set(record.id, record);
      state.poolLive.set(record.id, newPoolLive());
      break;
    case 'server':
      state.servers.set(record.id, record);
      state.serverLive.set(record.id, newServerLive(turn.now.mono));
      break;
    case 'policy':
      state.policies.set(record.id, record);
      state.policyLive.set(record.id, { requirements: [], runs: new Set(), nextTickWall: undefined });
      break;
    case 'run':
      state.runs.set(record.id, record);
  }
}

/** Takes it out again, and whatever was kept ready of it. What it owned of the history belongs to nobody then. */
export function leave(turn: Turn, record: Changing): void {
  const { state } = turn;
  switch (record.kind) {
    case 'pool':
      state.pools.delete(record.id);
      state.poolLive.delete(record.id);
      state.events.disown(`pools/${record.id}`);
      return;
    case 'server':
      leaveServer(turn, record);
      return;
    case 'policy':
      state.endedRuns.handOver(record.uid, GONE_OWNER);
      state.events.disown(`policies/${record.id}`);
      state.policies.delete(record.id);
      state.policyLive.delete(record.id);
      turn.policyWheel.cancel(record.id);
      return;
    case 'run':
      state.runs.delete(record.id);
  }
}

/** Owner of the ended runs of all policies that are gone. */
export const GONE_OWNER = 'gone';

function leaveServer(turn: Turn, { id, pool }: Server): void {
  const { state } = turn;
  const live = poolLiveOf(state, pool);
  live.index.removeServer(id);
  live.lastResort.removeServer(id);
  live.closed.delete(id);
  live.draining.delete(id);
  live.claims.delete(id);
  state.servers.delete(id);
  state.events.disown(`servers/${id}`);
  state.unsettled.delete(id);
  state.serverLive.delete(id);
  for (const wheel of [turn.serverWheel, turn.drainWheel, turn.gateWheel]) wheel.cancel(id);
}

/** Everything that a record keeps ready, when it comes. */
export function linkAll(turn: Turn, record: Changing): void {
  switch (record.kind) {
    case 'pool':
      linkOrder(turn, record);
      return;
    case 'server':
      linkIntent(turn, record);
      linkEarlierLife(turn, record);
      return;
    case 'policy':
      linkSpec(turn, record);
      return;
    case 'run':
      linkState(turn, record);
      linkAttempts(turn, record);
      linkReservation(turn, record, undefined);
      linkWantedMove(turn, record);
  }
}

/** What one changed field keeps ready. `reservation`: until now. */
export function linkField(turn: Turn, record: Changing, field: string, reservation: Run['reservation']): void {
  switch (record.kind) {
    case 'pool':
      if (field === 'order') linkOrder(turn, record);
      return;
    case 'server':
      if (field === 'intent') linkIntent(turn, record);
      if (field === 'earlierLife') linkEarlierLife(turn, record);
      return;
    case 'policy':
      if (field === 'spec') linkSpec(turn, record);
      return;
    case 'run':
      if (field === 'state' && isEnded(record)) linkState(turn, record);
      if (field === 'attempts') linkAttempts(turn, record);
      if (field === 'reservation') linkReservation(turn, record, reservation);
      if (field === 'wantedMove') linkWantedMove(turn, record);
  }
}

function linkOrder({ state }: Turn, pool: Pool): void {
  const { index, lastResort } = poolLiveOf(state, pool.id);
  index.setOrder(pool.order);
  lastResort.setOrder(pool.order);
}

function linkIntent({ state }: Turn, server: Server): void {
  put(poolLiveOf(state, server.pool).draining, server.id, server.intent === 'DRAINING');
}

function linkEarlierLife({ state }: Turn, server: Server): void {
  put(state.unsettled, server.id, server.earlierLife !== undefined);
}

function linkSpec({ state }: Turn, policy: Policy): void {
  const live = state.policyLive.get(policy.id);
  if (live !== undefined) live.requirements = requirementsOf(policy);
}

function requirementsOf({ id, spec }: Policy): readonly Requirement[] {
  const own = spec.requirements.map((text) => {
    const parsed = parseRequirement(text);
    assert(parsed.kind === 'ok', `requirement ${text} of ${id} was checked before it was stored`);
    return parsed.requirement;
  });
  return [...own, ...impliedRequirements(spec.workload)];
}

/** The unended runs of its policy. */
function linkState({ state }: Turn, run: Run): void {
  const runs = state.policyLive.get(run.policy)?.runs;
  if (runs !== undefined) put(runs, run.id, !isEnded(run));
}

/** A server has a run as long as an attempt of it there has not ended. Attempts that have ended were taken out when they did. */
function linkAttempts(turn: Turn, run: Run): void {
  for (const attempt of run.attempts) if (attempt.state.kind !== 'ENDED') linkAttempt(turn, run, attempt);
}

/** The same, after an attempt there changed its state. */
export function linkAttempt({ state }: Turn, run: Run, { server }: Attempt): void {
  const runs = state.serverLive.get(server)?.runs;
  if (runs === undefined) return;
  put(
    runs,
    run.id,
    run.attempts.some((one) => one.server === server && one.state.kind !== 'ENDED'),
  );
}

function linkReservation({ state }: Turn, run: Run, before: Run['reservation']): void {
  const { reservation } = run;
  for (const server of before === undefined ? [] : [before.server, before.from])
    state.serverLive.get(server)?.reservations.delete(run.id);
  for (const server of reservation === undefined ? [] : [reservation.server, reservation.from])
    state.serverLive.get(server)?.reservations.add(run.id);
  const moving = state.poolLive.get(run.pool)?.moving;
  if (moving !== undefined) put(moving, run.id, reservation !== undefined);
}

function linkWantedMove({ state }: Turn, run: Run): void {
  const wanting = state.poolLive.get(run.pool)?.wantingMoves;
  if (wanting !== undefined) put(wanting, run.id, run.wantedMove !== undefined);
}

function put<T>(set: Set<T>, item: T, isIn: boolean): void {
  if (isIn) set.add(item);
  else set.delete(item);
}
