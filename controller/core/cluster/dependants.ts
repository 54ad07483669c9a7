/**
 * Who has to know when a record changes: one table, a row for each field that can change. It says how the change is kept, and what is
 * looked at again because of it, so that no transition has to remember either. A field without a row does not compile.
 *
 * What only follows from live parts of the state (sessions, leases, storms, the clock) has no row: whoever changes those says by name
 * what is to be looked at (`lookAt…` of the turn).
 */
import type { ServerId } from '../../../shared/ids.ts';
import type { AttemptStateName } from '../../../shared/protocol/attempt.ts';
import { isClosedGate } from '../records/gate-record.ts';
import { isEnded, type RunStateName } from '../records/run-state.ts';
import type { Attempt, Policy, Pool, Run, Server } from '../records/state.ts';
import { policyLiveOf } from './cluster.ts';
import type { Turn } from './turn.ts';

/** The records that change; each has a version. */
export type Changing = Pool | Server | Policy | Run;

/** What is never changed after a record was made, and what the door counts by itself. */
type Fixed = 'kind' | 'id' | 'uid' | 'createWall' | 'version' | 'updateWall';
export type PoolField = Exclude<keyof Pool, Fixed | 'orderVersion'>;
export type ServerField = Exclude<keyof Server, Fixed | 'pool'>;
export type PolicyField = Exclude<keyof Policy, Fixed>;
export type RunField = Exclude<keyof Run, Fixed | 'policy' | 'policyUid' | 'pool' | 'arguments' | 'origin'>;
export type AttemptField = Exclude<
  keyof Attempt,
  'epoch' | 'server' | 'place' | 'bootId' | 'cause' | 'terms' | 'assignWall' | 'assignAge'
>;

/**
 * How a change is kept. EDITED: written, and the etag is another one, so that an edit by somebody who did not see it is refused.
 * NOTED: written, and the etag stays, since no edit can collide with it. SHOWN: a new leader derives it again from agents and streams,
 * so watchers are told, and it is not written until something else of the same record is. AS_ITS_STATE: EDITED or SHOWN, as its state is
 * (`keptInState`).
 */
export type Keeping = 'EDITED' | 'NOTED' | 'SHOWN';

/** A row: how the field is kept, and what is looked at again. */
export interface Row<W extends string> {
  readonly kept: Keeping | 'AS_ITS_STATE';
  readonly looks: readonly W[];
}

/** The words of the table. Whoever looks at a server looks at its pool as well. "Its runs" of a server are those with an attempt or a reservation there, of a pool those of all its servers. */
export type PoolWord = 'itself' | 'its servers' | 'their silence' | 'its runs' | 'ranks' | 'blocked runs';
export type ServerWord = 'itself' | 'its runs' | 'every pool' | 'blocked runs';
export type PolicyWord = 'itself' | 'its runs' | 'its pool' | 'blocked runs';
/** "Its servers": where it takes slots or keeps some, before the change and after it. */
export type RunWord = 'itself' | 'its servers' | 'its pool' | 'its policy, once it has ended';
export type AttemptWord = 'its run' | 'its server, once it has ended' | 'a closed gate' | 'a wanted move';

const edited = <W extends string>(...looks: readonly W[]): Row<W> => ({ kept: 'EDITED', looks });
const noted = <W extends string>(...looks: readonly W[]): Row<W> => ({ kept: 'NOTED', looks });
const asItsState = <W extends string>(...looks: readonly W[]): Row<W> => ({ kept: 'AS_ITS_STATE', looks });

export const DEPENDANTS: {
  readonly pool: { readonly [F in PoolField]: Row<PoolWord> };
  readonly server: { readonly [F in ServerField]: Row<ServerWord> };
  readonly policy: { readonly [F in PolicyField]: Row<PolicyWord> };
  readonly run: { readonly [F in RunField]: Row<RunWord> };
  readonly attempt: { readonly [F in AttemptField]: Row<AttemptWord> };
} = {
  pool: {
    timers: edited('their silence', 'its servers', 'its runs', 'itself', 'blocked runs'),
    defaultFailback: edited('itself'),
    defaultMaxSlots: edited('its servers', 'itself', 'blocked runs'),
    order: edited('ranks', 'itself'),
    stormNotBeforeAge: noted(),
  },
  server: {
    maxSlots: edited('itself', 'blocked runs'),
    labels: edited(),
    intent: edited('its runs', 'itself', 'blocked runs'),
    drain: edited('itself'),
    liveness: edited('its runs', 'itself', 'blocked runs'),
    livenessSinceWall: edited(),
    instanceId: edited('its runs', 'itself'),
    machineId: edited('its runs', 'itself'),
    bootId: edited('its runs', 'itself'),
    agentVersion: edited(),
    capabilities: edited('its runs', 'itself', 'blocked runs'),
    probeFailures: edited(),
    agentMaxSlots: edited('itself', 'blocked runs'),
    saturated: edited('its runs', 'itself', 'blocked runs'),
    gate: edited('its runs', 'itself', 'blocked runs'),
    settledIncarnation: edited(),
    earlierLife: edited('itself', 'every pool', 'blocked runs'),
    deleting: edited('its runs', 'itself', 'blocked runs'),
  },
  policy: {
    spec: edited('its runs', 'itself', 'its pool', 'blocked runs'),
    paused: edited('itself'),
    deleting: edited('itself'),
    lastTickWall: noted(),
    skippedTicks: noted(),
    owesRun: noted(),
    scheduledFromWall: noted(),
  },
  run: {
    desired: edited('itself', 'its pool'),
    state: asItsState('its policy, once it has ended'),
    slots: edited('itself', 'its servers'),
    priority: edited('itself'),
    attempts: edited('its servers', 'itself'),
    attemptCount: edited(),
    firstStartWall: noted(),
    queueCause: edited(),
    queueSinceWall: edited(),
    queueSinceAge: edited(),
    passedOverSinceAge: noted(),
    notBeforeAge: edited('itself'),
    preferServer: edited('its pool'),
    nextCause: edited(),
    nextReason: edited(),
    reservation: edited('its servers'),
    wantedMove: edited('its pool'),
    outcome: edited('itself'),
    failures: edited(),
    skips: edited('its pool'),
    backoffRounds: edited(),
    failureCount: edited(),
    lastMoveAge: edited(),
  },
  attempt: {
    state: asItsState('its run', 'a closed gate', 'a wanted move', 'its server, once it has ended'),
    stopReason: edited('its run'),
    overlapped: edited('its run'),
    health: edited('its run'),
  },
};

/** What is looked at when a record is new. */
export const NEWCOMERS: {
  readonly pool: readonly PoolWord[];
  readonly server: readonly ServerWord[];
  readonly policy: readonly PolicyWord[];
  readonly run: readonly RunWord[];
} = {
  pool: ['itself'],
  server: ['itself', 'blocked runs'],
  policy: ['itself'],
  run: ['itself'],
};

/** A new leader derives STARTING and STOPPING again, from attempts and streams. That an attempt is STUCK no more is written all the same. */
export const keptInState = (state: RunStateName | AttemptStateName): Keeping =>
  state === 'STARTING' || state === 'STOPPING' ? 'SHOWN' : 'EDITED';

export function lookForPool(turn: Turn, pool: Pool, word: PoolWord, orderBefore: readonly ServerId[]): void {
  switch (word) {
    case 'itself':
      turn.lookAtPool(pool.id);
      return;
    case 'its servers':
      for (const id of pool.order) turn.lookAtServer(id);
      return;
    case 'their silence':
      for (const id of pool.order) turn.judgeSilenceOf(id);
      return;
    case 'its runs':
      for (const id of pool.order) turn.lookAtRunsOn(id);
      return;
    case 'ranks':
      for (const [index, id] of pool.order.entries())
        if (orderBefore[index] !== id) turn.journal.touch(`servers/${id}`);
      return;
    case 'blocked runs':
      turn.lookAtBlockedRuns();
  }
}

export function lookForServer(turn: Turn, server: Server, word: ServerWord): void {
  switch (word) {
    case 'itself':
      turn.lookAtServer(server.id);
      return;
    case 'its runs':
      turn.lookAtRunsOn(server.id);
      return;
    case 'every pool':
      for (const id of turn.state.pools.keys()) turn.lookAtPool(id);
      return;
    case 'blocked runs':
      turn.lookAtBlockedRuns();
  }
}

export function lookForPolicy(turn: Turn, policy: Policy, word: PolicyWord): void {
  switch (word) {
    case 'itself':
      turn.lookAtPolicy(policy.id);
      return;
    case 'its runs':
      for (const id of policyLiveOf(turn.state, policy).runs) turn.lookAtRun(id);
      return;
    case 'its pool':
      turn.lookAtPool(policy.spec.pool);
      return;
    case 'blocked runs':
      turn.lookAtBlockedRuns();
  }
}

export function lookForRun(turn: Turn, run: Run, word: RunWord, serversBefore: readonly ServerId[]): void {
  switch (word) {
    case 'itself':
      turn.lookAtRun(run.id);
      return;
    case 'its servers':
      for (const id of serversBefore) turn.lookAtServer(id);
      for (const id of serversOf(run)) turn.lookAtServer(id);
      return;
    case 'its pool':
      turn.lookAtPool(run.pool);
      return;
    case 'its policy, once it has ended':
      if (isEnded(run)) turn.lookAtPolicy(run.policy);
  }
}

export function lookForAttempt(turn: Turn, run: Run, attempt: Attempt, word: AttemptWord): void {
  switch (word) {
    case 'its run':
      turn.lookAtRun(run.id);
      return;
    case 'its server, once it has ended':
      if (attempt.state.kind === 'ENDED') turn.lookAtServer(attempt.server);
      return;
    case 'a closed gate': {
      // It lets one start through at a time: this one may be out of the way of the next.
      const server = turn.state.servers.get(attempt.server);
      if (server !== undefined && isClosedGate(server.gate)) turn.lookAtServer(server.id);
      return;
    }
    case 'a wanted move':
      // It may begin, or be done already: the run has come to where it was to go.
      if (run.wantedMove !== undefined) turn.lookAtPool(run.pool);
  }
}

/** Where a run takes slots or keeps some. */
export function serversOf({ attempts, reservation }: Run): readonly ServerId[] {
  const servers: ServerId[] = [];
  for (const { state, server } of attempts) if (state.kind !== 'ENDED') servers.push(server);
  if (reservation !== undefined) servers.push(reservation.server, reservation.from);
  return servers;
}
