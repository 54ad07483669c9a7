/**
 * Settling: after the events of a drain, everything they touched is looked at until nothing is left to do. Liveness
 * first, then runs, then policies, then moves, then the queue, so that a freed slot is used in the same step.
 */
import { assert } from '../../shared/assert.ts';
import { poolLiveOf, serverOf } from './cluster/cluster.ts';
import type { Context } from './cluster/turn.ts';
import { refreshIndex } from './placement/capacity.ts';
import { isClosed } from './placement/gate-view.ts';
import { advanceRun } from './runs/advance.ts';
import { judgeCapabilities } from './runs/capability-loss.ts';
import { pumpDrain } from './runs/drain.ts';
import { checkRun } from './runs/invariants.ts';
import { pumpMoves, wantFailbacks } from './runs/moves.ts';
import { placePool } from './runs/placing.ts';
import { forgetOld } from './runs/retention.ts';
import { upkeep } from './runs/upkeep.ts';
import { judgeServer } from './servers/liveness.ts';
import { endDeleting } from './servers/server-end.ts';
import { judgeGate } from './servers/server-gate.ts';
import { judgeStorm } from './servers/storm.ts';

/** Each round does all there is to do; a change can call for another one, never for many. */
const ROUNDS_MAX = 100;

export function settle(ctx: Context): void {
  const { dirtyServers, dirtyRuns, dirtyPolicies, dirtyPools } = ctx;
  judgeDue(ctx);
  for (let round = 0; dirtyServers.size + dirtyRuns.size + dirtyPolicies.size + dirtyPools.size > 0; round += 1) {
    assert(round < ROUNDS_MAX, `settling comes to rest; ${[...dirtyServers, ...dirtyRuns].slice(0, 10).join(', ')}`);
    settleServers(ctx);
    settleRuns(ctx);
    settlePolicies(ctx);
    settlePools(ctx);
  }
  ctx.recheckBlocked = false;
}

/** Silences first: of all that are due, before any run is looked at, so that a mass failure is seen as one. */
function judgeDue(ctx: Context): void {
  for (const id of take(ctx.dueServers)) {
    const server = ctx.state.servers.get(id);
    if (server !== undefined) judgeServer(ctx, server);
  }
}

function settleServers(ctx: Context): void {
  for (const id of take(ctx.dirtyServers)) {
    const server = ctx.state.servers.get(id);
    if (server === undefined) continue;
    judgeGate(ctx, server);
    refreshIndex(ctx.state, id);
    ctx.journal.touch(`servers/${id}`);
    ctx.dirtyPools.add(server.pool);
    endDeleting(ctx, server);
  }
}

function settleRuns(ctx: Context): void {
  for (const id of take(ctx.dirtyRuns)) {
    const run = ctx.state.runs.get(id);
    if (run === undefined) continue;
    advanceRun(ctx, run);
    judgeCapabilities(ctx, run);
    checkRun(run);
  }
}

function settlePolicies(ctx: Context): void {
  for (const id of take(ctx.dirtyPolicies)) {
    const policy = ctx.state.policies.get(id);
    if (policy !== undefined) upkeep(ctx, policy);
  }
}

function settlePools(ctx: Context): void {
  // Runs of this round come first: a place is given to who needs it, before anyone moves by choice.
  if (ctx.dirtyRuns.size > 0 || ctx.dirtyServers.size > 0) return;
  for (const id of take(ctx.dirtyPools)) {
    const pool = ctx.state.pools.get(id);
    if (pool === undefined) continue;
    placePool(ctx, id);
    judgeStorm(ctx, pool);
    for (const draining of poolLiveOf(ctx.state, id).draining) pumpDrain(ctx, serverOf(ctx.state, draining));
    pumpMoves(ctx, id);
  }
}

/** The safety net: everything once more, and what only time brings. */
export function periodicLook(ctx: Context): void {
  const { state } = ctx;
  for (const server of state.servers.values()) {
    refreshIndex(state, server.id);
    ctx.dueServers.add(server.id);
    if (server.deleting || isClosed(server)) ctx.dirtyServers.add(server.id);
  }
  for (const live of state.policyLive.values()) for (const run of live.runs) ctx.dirtyRuns.add(run);
  for (const id of state.policies.keys()) ctx.dirtyPolicies.add(id);
  for (const id of state.pools.keys()) {
    ctx.dirtyPools.add(id);
    wantFailbacks(ctx, id);
  }
  ctx.recheckBlocked = true;
  forgetOld(ctx);
  if (somethingWaits(ctx)) ctx.journal.noteAge();
}

/** So that what is left of a wait is known to the next leader, to half a minute; idle agents cause no writes. */
function somethingWaits({ state, age }: Context): boolean {
  for (const live of state.policyLive.values()) {
    for (const id of live.runs) {
      const run = state.runs.get(id);
      if (run === undefined) continue;
      const { state: name, notBeforeAge, reservation, wantedMove } = run;
      if (name === 'QUEUED' || notBeforeAge > age || reservation !== undefined || wantedMove !== undefined) return true;
    }
  }
  for (const { gate, drain } of state.servers.values()) {
    if (gate.probation?.phase === 'PAUSED' || gate.quarantine?.phase === 'CLOSED') return true;
    if (drain?.deadlineAge !== undefined && !drain.done) return true;
  }
  return false;
}

function take<T>(set: Set<T>): readonly T[] {
  const items = [...set];
  set.clear();
  return items;
}
