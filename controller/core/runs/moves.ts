/**
 * Moves by choice: order changes, failback, operators' moves, drains. Each reserves its target slot before anything is
 * stopped (I9), and keeps to the budget: five at once per pool, one per server, and one per run in 15 minutes where nobody asked for it
 * (semantics 10).
 */

import type { PoolId, ServerId } from '../../../shared/ids.ts';
import { MINUTE } from '../../../shared/time.ts';
import { change, SILENT } from '../cluster/change.ts';
import { type ClusterState, poolLiveOf, poolOf, serverLiveOf, serverOf } from '../cluster/cluster.ts';
import type { MovePlan, PlannedMove, PlannedStay } from '../cluster/event.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { freeSlots, isAvailable, meetsRequirements } from '../placement/capacity.ts';
import { askOf, type Servers, serversNow } from '../placement/choose.ts';
import { effectiveList, type PoolOrder } from '../placement/effective-list.ts';
import { type Ask, obstacleAt, obstacleText } from '../placement/obstacle.ts';
import { GLANCE_MAX, whyNowhere } from '../placement/placement-text.ts';
import { Trial } from '../placement/trial.ts';
import { byNumber } from '../records/run-number.ts';
import { isEnded } from '../records/run-state.ts';
import type { Policy, Reservation, Run } from '../records/state.ts';
import { currentAttempt, stopAttempt } from './attempt.ts';
import { holdOfPolicy } from './holds.ts';
import { reserve } from './reservation.ts';

const MOVE_BUDGET_MS = 15 * MINUTE;
const MOVES_PER_POOL = 5;
const STABLE_MS = 10 * MINUTE;
/** A wanted move that found no turn for this long is given up. */
const WANTED_MAX_MS = 30 * MINUTE;

/** The server of a run that runs and is not already on its way. */
export function restingServer(run: Run): ServerId | undefined {
  if (isEnded(run) || run.desired === 'STOPPED' || run.reservation !== undefined) return undefined;
  const attempt = currentAttempt(run);
  if (attempt?.state.kind !== 'RUNNING' || attempt.stopReason !== undefined) return undefined;
  return attempt.server;
}

/**
 * What would move if the pool had this order: each run whose best server with room is ranked before its own. An operator knows when a
 * run was moved last; only what moves by itself keeps to the budget of one move in 15 minutes.
 */
export function planOrder(
  turn: View,
  pool: PoolId,
  order: readonly ServerId[],
  asked: 'BY_OPERATOR' | 'BY_ITSELF',
): MovePlan {
  const { state } = turn;
  const trial = new Trial(state, order);
  const moves: PlannedMove[] = [];
  const stays: PlannedStay[] = [];
  for (const run of runsByRank(state, pool, trial.index)) {
    const policy = state.policies.get(run.policy);
    const from = restingServer(run);
    if (policy === undefined || from === undefined) continue;
    const ask = askOf(state, policy, run, turn.age, { order: trial.index });
    const { query, list } = ask;
    // One outside of the list (0) is best left alone.
    const isBetter = (id: ServerId | undefined): id is ServerId =>
      id !== undefined && list.rankOf(id) < list.rankOf(from);
    const best = trial.index.choose({ ...query, slots: 0 });
    if (!isBetter(best)) continue;
    const to = trial.index.choose(query);
    const stay = (reason: string): number => stays.push({ run: run.id, policy: policy.id, server: from, reason });
    const hold = holdOfPolicy(turn, policy);
    if (hold !== undefined) stay(hold.message);
    else if (!isBetter(to)) stay(`${best} is better placed, and ${whyNotThere(trial, ask, best)}`);
    else if (asked === 'BY_ITSELF' && run.lastMoveAge > turn.age - MOVE_BUDGET_MS)
      stay('it was moved less than 15 minutes ago');
    else {
      trial.take(to, run.slots);
      moves.push({ run: run.id, policy: policy.id, from, to });
    }
  }
  return { moves, stays };
}

function whyNotThere({ viewOf }: Servers, ask: Ask, id: ServerId): string {
  const obstacle = obstacleAt(ask, id, viewOf(id));
  return obstacle === undefined ? 'goes to another run' : obstacleText(obstacle, ask.age);
}

const canServe = (state: ClusterState, policy: Policy, id: ServerId): boolean =>
  isAvailable(state, serverOf(state, id)) && meetsRequirements(state, policy, serverOf(state, id));

/** Runs with higher priority move first, then by the rank of where they are. */
function runsByRank(state: ClusterState, pool: PoolId, order: PoolOrder): readonly Run[] {
  const resting = [...state.runs.values()].flatMap((run) => {
    const server = run.pool === pool ? restingServer(run) : undefined;
    return server === undefined ? [] : [{ run, rank: order.rankOf(server) }];
  });
  resting.sort((a, b) => b.run.priority - a.run.priority || a.rank - b.rank || byNumber(a.run.id, b.run.id));
  return resting.map(({ run }) => run);
}

/** Wants the moves of a plan; they begin as the budget allows. */
export function wantMoves(turn: Turn, plan: MovePlan, cause: 'MOVE' | 'FAILBACK'): void {
  for (const move of plan.moves) {
    const run = turn.state.runs.get(move.run);
    if (run === undefined) continue;
    // A wish is no news: when the move begins, that is told.
    change(turn, run, { wantedMove: { server: move.to, cause, sinceAge: turn.age } }, SILENT);
  }
}

/** Begins wanted moves of a pool while the budget has room. */
export function pumpMoves(turn: Turn, pool: PoolId): void {
  const { state } = turn;
  const { wantingMoves } = poolLiveOf(state, pool);
  if (wantingMoves.size === 0) return;
  const wanting = [...wantingMoves].map((id) => state.runs.get(id)).filter((run) => run !== undefined);
  for (const run of wanting) {
    const wanted = run.wantedMove;
    const policy = state.policies.get(run.policy);
    const from = restingServer(run);
    const late = wanted !== undefined && turn.age > wanted.sinceAge + WANTED_MAX_MS;
    if (
      wanted === undefined ||
      policy === undefined ||
      late ||
      isEnded(run) ||
      run.desired === 'STOPPED' ||
      from === wanted.server ||
      // The policy's list was edited since.
      !effectiveList(state, policy).has(wanted.server)
    ) {
      // A move that was only wanted was never told, and neither is that it came to nothing.
      change(turn, run, { wantedMove: undefined }, SILENT);
      continue;
    }
    const target = state.servers.get(wanted.server);
    if (target === undefined || from === undefined || !canServe(state, policy, target.id)) continue;
    if (holdOfPolicy(turn, policy) !== undefined) continue;
    if (freeSlots(state, target, run) < run.slots || !hasBudget(state, pool, from, target.id)) continue;
    beginMove(turn, run, from, wanted.server, wanted.cause);
  }
}

/** Five at once per pool, one per server as target or source. */
export function hasBudget(state: ClusterState, pool: PoolId, from: ServerId, to: ServerId): boolean {
  const busy = (id: ServerId): boolean => serverLiveOf(state, id).reservations.size > 0;
  if (busy(from) || busy(to)) return false;
  return poolLiveOf(state, pool).moving.size < MOVES_PER_POOL;
}

/** Reserve, then stop; the start follows the proof of the end. One commit holds the reservation and the stop. */
export function beginMove(turn: Turn, run: Run, from: ServerId, to: ServerId, cause: Reservation['cause']): void {
  const message = `${run.id} moves from ${from} to ${to}: a slot is reserved there`;
  const news = { type: 'RUN_MOVE_RESERVED', cause, message, server: to } as const;
  reserve(turn, run, { server: to, from, cause, sinceAge: turn.age }, news);
  const attempt = currentAttempt(run);
  if (attempt !== undefined) stopAttempt(turn, run, attempt, cause, `it moves to ${to}`);
}

/** The best server with room for a run, apart from where it is. None while starts are held: it would be stopped for nothing. */
export function bestElsewhere(turn: View, run: Run, policy: Policy, from: ServerId): ServerId | undefined {
  const { state } = turn;
  if (holdOfPolicy(turn, policy) !== undefined) return undefined;
  const best = poolLiveOf(state, run.pool).index.choose(askOf(state, policy, run, turn.age, { from }).query);
  // What became of it in this very turn may not be in the index yet.
  return best !== undefined && isAvailable(state, serverOf(state, best)) ? best : undefined;
}

/** Why there is none, as a glance at the front of the policy's list shows it: asked again at each look, for many runs at a time. */
export function whyNoneElsewhere(
  turn: View,
  run: Run,
  policy: Policy,
  from: ServerId,
  // By choice nothing is moved behind a closed gate.
  servers: Servers = { ...serversNow(turn.state, policy), lastResort: undefined },
): string {
  const { state, age } = turn;
  const hold = holdOfPolicy(turn, policy);
  if (hold !== undefined) return hold.message;
  return whyNowhere(servers, askOf(state, policy, run, age, { from }), { age, atMost: GLANCE_MAX }).message;
}

/** Failback AUTO: a better-ranked server that has been stable for 10 minutes (semantics 10). */
export function wantFailbacks(turn: Turn, pool: PoolId): void {
  const { state, now } = turn;
  const { order, defaultFailback } = poolOf(state, pool);
  const automatic = [...state.policies.values()].some(
    ({ spec }) => spec.pool === pool && (spec.failback ?? defaultFailback) === 'AUTO',
  );
  if (!automatic) return;
  const due = planOrder(turn, pool, order, 'BY_ITSELF').moves.filter((move) => {
    const policy = state.policies.get(move.policy);
    const stable = now.mono - serverLiveOf(state, move.to).aliveSinceMono >= STABLE_MS;
    const wanted = (policy?.spec.failback ?? defaultFailback) === 'AUTO';
    return stable && wanted && state.runs.get(move.run)?.wantedMove === undefined;
  });
  if (due.length > 0) wantMoves(turn, { moves: due, stays: [] }, 'FAILBACK');
}
