/**
 * Settling: after the events of a batch, everything they touched is looked at until nothing is left to do. Silences first, then in each
 * round: servers, runs, policies, and, once no run or server is left to look at, pools. In a pool the queue goes before storm, drains and
 * moves: a freed slot is used in the same step, by who needs it before anyone who moves by choice.
 */
import { assert } from '../../shared/assert.ts';
import { poolLiveOf, serverOf } from './cluster/cluster.ts';
import type { Turn, View } from './cluster/turn.ts';
import { refreshIndex } from './placement/capacity.ts';
import { isClosedGate } from './records/gate-record.ts';
import { advanceRun } from './runs/advance.ts';
import { judgeCapabilities } from './runs/capability-loss.ts';
import { pumpDrain } from './runs/drain.ts';
import { checkRun } from './runs/invariants.ts';
import { pumpMoves, wantFailbacks } from './runs/moves.ts';
import { placePool } from './runs/placing.ts';
import { forgetOld } from './runs/retention.ts';
import { upkeep } from './runs/upkeep.ts';
import { lookAtJoinTokens } from './servers/join-tokens.ts';
import { judgeServer } from './servers/liveness.ts';
import { endDeleting } from './servers/server-end.ts';
import { judgeGate } from './servers/server-gate.ts';
import { judgeStorm } from './servers/storm.ts';

/** Each round does all there is to do; a change can call for another one, never for many. */
const ROUNDS_MAX = 100;

export function settle(turn: Turn): void {
  judgeDue(turn);
  for (let round = 0; turn.isUnsettled; round += 1) {
    assert(round < ROUNDS_MAX, `settling comes to rest; ${restless(turn)}`);
    settleServers(turn);
    settleRuns(turn);
    settlePolicies(turn);
    settlePools(turn);
  }
  turn.blockedWereTold();
}

const restless = ({ marked }: Turn): string => [...marked.servers, ...marked.runs].slice(0, 10).join(', ');

/** Silences first: of all that are due, before any run is looked at, so that a mass failure is seen as one. */
function judgeDue(turn: Turn): void {
  for (const id of turn.takeMarked('silences')) {
    const server = turn.state.servers.get(id);
    if (server !== undefined) judgeServer(turn, server);
  }
}

function settleServers(turn: Turn): void {
  for (const id of turn.takeMarked('servers')) {
    const server = turn.state.servers.get(id);
    if (server === undefined) continue;
    judgeGate(turn, server);
    refreshIndex(turn.state, id);
    turn.journal.touch(`servers/${id}`);
    turn.lookAtPool(server.pool);
    endDeleting(turn, server);
  }
}

function settleRuns(turn: Turn): void {
  for (const id of turn.takeMarked('runs')) {
    const run = turn.state.runs.get(id);
    if (run === undefined) continue;
    advanceRun(turn, run);
    judgeCapabilities(turn, run);
    checkRun(run);
  }
}

function settlePolicies(turn: Turn): void {
  for (const id of turn.takeMarked('policies')) {
    const policy = turn.state.policies.get(id);
    if (policy !== undefined) upkeep(turn, policy);
  }
}

function settlePools(turn: Turn): void {
  // Runs of this round come first: a place is given to who needs it, before anyone moves by choice.
  if (turn.marked.runs.size > 0 || turn.marked.servers.size > 0) return;
  for (const id of turn.takeMarked('pools')) {
    const pool = turn.state.pools.get(id);
    if (pool === undefined) continue;
    placePool(turn, id);
    judgeStorm(turn, pool);
    for (const draining of poolLiveOf(turn.state, id).draining) pumpDrain(turn, serverOf(turn.state, draining));
    pumpMoves(turn, id);
  }
}

/** The safety net: everything once more, and what only time brings. */
export function periodicLook(turn: Turn): void {
  const { state } = turn;
  for (const server of state.servers.values()) {
    refreshIndex(state, server.id);
    turn.judgeSilenceOf(server.id);
    if (server.deleting || isClosedGate(server.gate)) turn.lookAtServer(server.id);
  }
  for (const live of state.policyLive.values()) for (const run of live.runs) turn.lookAtRun(run);
  for (const id of state.policies.keys()) turn.lookAtPolicy(id);
  for (const id of state.pools.keys()) {
    turn.lookAtPool(id);
    wantFailbacks(turn, id);
  }
  turn.lookAtBlockedRuns();
  forgetOld(turn);
  lookAtJoinTokens(turn);
  if (somethingWaits(turn)) turn.journal.noteAge();
}

/** So that what is left of a wait is known to the next leader, to half a minute; idle agents cause no writes. */
function somethingWaits({ state, age }: View): boolean {
  for (const live of state.policyLive.values()) {
    for (const id of live.runs) {
      const run = state.runs.get(id);
      if (run === undefined) continue;
      const { notBeforeAge, reservation, wantedMove } = run;
      const isQueued = run.state.kind === 'QUEUED';
      const isUnhealthy = run.attempts.at(-1)?.health?.state === 'UNHEALTHY';
      if (isQueued || isUnhealthy || notBeforeAge > age || reservation !== undefined || wantedMove !== undefined)
        return true;
    }
  }
  for (const { gate, drain } of state.servers.values()) {
    if (gate.probation?.phase === 'PAUSED' || gate.quarantine?.phase === 'CLOSED') return true;
    if (drain?.deadlineAge !== undefined && !drain.done) return true;
  }
  return false;
}
