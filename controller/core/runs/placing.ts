/**
 * The placement pass of a pool: offers free slots to its queue in order (semantics 8, 9). A run for which nothing has
 * room blocks nobody with another eligible set.
 */

import type { PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { change, SILENT } from '../cluster/change.ts';
import { type ClusterState, poolLiveOf, serverOf } from '../cluster/cluster.ts';
import type { PoolLive } from '../cluster/live.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { refreshIndex, serverView } from '../placement/capacity.ts';
import { askOf, type Choice, choose, chooseServer, serversNow } from '../placement/choose.ts';
import { effectiveList } from '../placement/effective-list.ts';
import { type Ask, isSuitable, obstacleAt, obstacleText } from '../placement/obstacle.ts';
import { type Nowhere, whyChosen, whyNever, whyNowhere } from '../placement/placement-text.ts';
import { isPaused, pausedServers, skipOf } from '../placement/setback.ts';
import type { Requirement } from '../records/capability.ts';
import { etaOf, queueReason } from '../records/run-state.ts';
import type { Policy, Run } from '../records/state.ts';
import { assign } from './attempt.ts';
import { holdOf } from './holds.ts';
import { checkPlacement } from './invariants.ts';
import { abandonMove } from './reservation.ts';
import { announceState, dequeue } from './run.ts';

/** A run that was passed over for so long gathers slots on one server. */
const CLAIM_AFTER_MS = 10 * MINUTE;
/** So many servers gather slots at once, in a pool. */
const CLAIMS_MAX = 64;

export function placePool(turn: Turn, pool: PoolId): void {
  const { state, now } = turn;
  const live = poolLiveOf(state, pool);
  const queue = live.queue.ordered(turn.age);
  if (queue.length === 0) return;
  dropVoidClaims(turn, live);
  const heldUntilMono = Math.max(state.noStartBeforeMono, state.storeDoubt?.untilMono ?? 0);
  if (now.mono < heldUntilMono) turn.wakePoolAt(pool, heldUntilMono);
  const full = new Set<string>();
  const blocked: Run[] = [];
  const pausing = new Set<Run>();
  const claimers = new Set(live.claims.values());
  let passedOver = 0;
  for (const entry of queue) {
    const run = state.runs.get(entry.run);
    const policy = run === undefined ? undefined : state.policies.get(run.policy);
    if (run === undefined || policy === undefined) continue;
    const hold = holdOf(turn, policy, run);
    if (hold !== undefined) {
      announceState(turn, run, { kind: 'QUEUED', ...hold });
      continue;
    }
    const paused = pausedServers(run, turn.age);
    if (paused.length > 0) pausing.add(run);
    // Whoever has claimed a server asks for itself: it may go where the others may not.
    const claimer = claimers.has(run.id) ? run.id : '';
    const sameQuestion = `${policy.id} ${run.slots} ${claimer} ${run.preferServer ?? ''} ${run.reservation?.server ?? ''} ${paused.join(' ')}`;
    const choice = full.has(sameQuestion)
      ? undefined
      : choose(serversNow(state, policy), askOf(state, policy, run, turn.age));
    if (choice === undefined) {
      full.add(sameQuestion);
      blocked.push(run);
      continue;
    }
    place(turn, policy, run, choice);
    passedOver = blocked.length;
  }
  const hopeless = new Set<string>();
  for (const run of blocked.slice(0, passedOver)) if (!pausing.has(run)) noteBypass(turn, live, run, hopeless);
  const told = new Map<string, Nowhere>();
  for (const run of blocked) if (!pausing.has(run) || !showPause(turn, run)) showBlocked(turn, live, run, told);
}

function place(turn: Turn, policy: Policy, run: Run, choice: Choice): void {
  const { state } = turn;
  const { server: id } = choice;
  const server = serverOf(state, id);
  checkPlacement(state, policy, run, server);
  dequeue(turn, run);
  if (run.reservation !== undefined && run.reservation.server !== id) abandonMove(turn, run, 'PLACED_ELSEWHERE');
  assign(turn, run, policy, server, whyChosen(choice, policy, run, turn.age));
  refreshIndex(state, id);
}

/**
 * A run that pauses where it would go: shown with the time, and looked at again then. False: there is no room where it pauses either.
 */
function showPause(turn: Turn, run: Run): boolean {
  const { state, now } = turn;
  const policy = state.policies.get(run.policy);
  if (policy === undefined) return false;
  const pauses = run.skips.filter((skip) => isPaused(skip, turn.age));
  turn.wakePoolAt(run.pool, turn.monoAt(Math.min(...pauses.map(({ pausedUntilAge }) => pausedUntilAge))));
  const servers = serversNow(state, policy);
  const server = chooseServer(servers, askOf(state, policy, run, turn.age, { ignored: ['PAUSED'] }).query);
  const skip = server === undefined ? undefined : skipOf(run, server);
  if (server === undefined || skip === undefined) return false;
  const obstacle = obstacleAt(askOf(state, policy, run, turn.age), server, servers.viewOf(server), true);
  if (obstacle === undefined) return false;
  const message = `${server} ${obstacleText(obstacle)}`;
  const etaWall = now.wall + skip.pausedUntilAge - turn.age;
  // A rest of the run itself may have been told before, with an end that was earlier.
  const before = etaOf(run);
  const isNews = before === undefined || etaWall > before + SECOND;
  announceState(turn, run, { kind: 'QUEUED', reason: queueReason(skip.reason), message, etaWall }, isNews);
  return true;
}

/** Says why a run waits: once when it begins to, and again when the answer may have changed. */
function showBlocked(turn: Turn, live: PoolLive, run: Run, told: Map<string, Nowhere>): void {
  const { state } = turn;
  const { kind, reason } = run.state;
  const said = kind === 'QUEUED' && (reason === 'NO_ROOM' || reason === 'UNSATISFIABLE');
  if (said && !turn.recheckBlocked) return;
  const policy = state.policies.get(run.policy);
  if (policy === undefined) return;
  // Many runs ask the same: each question is answered once a pass, since an answer costs as much as there are servers.
  const { requirements, servers, listMode } = policy.spec;
  const claims = [...live.claims.values()].includes(run.id);
  const question = JSON.stringify([requirements, servers, listMode, run.slots, claims ? run.id : '']);
  const answer = told.get(question) ?? whyBlocked(turn, policy, run);
  told.set(question, answer);
  announceState(turn, run, { kind: 'QUEUED', ...answer });
}

/** Whatever the run itself avoids or waits out plays no part: where it pauses is room, or it is told so (showPause). */
function whyBlocked({ state, age }: View, policy: Policy, run: Run): Nowhere {
  return whyNowhere(serversNow(state, policy), askOf(state, policy, run, age, { ignored: ['PAUSED', 'SKIPPED'] }));
}

/** Why no registered server could ever take a run of this policy, with other `requirements` where given. Undefined: one could. */
export function couldEverTake(
  { state, age }: View,
  policy: Policy,
  slots: number,
  requirements?: readonly Requirement[],
): string | undefined {
  return whyNever(serversNow(state, policy), askOf(state, policy, undefined, age, { slots, requirements }));
}

/**
 * A later run was placed while this one waits: after a while freed slots gather for it. `hopeless`: for what nothing was found in this pass,
 * so that many runs of one policy do not look through all servers each.
 */
function noteBypass(turn: Turn, live: PoolLive, run: Run, hopeless: Set<string>): void {
  const { state } = turn;
  // That it waits is told; since when it was passed over only counts.
  if (run.passedOverSinceAge === 0) change(turn, run, { passedOverSinceAge: turn.age }, SILENT);
  if (turn.age - run.passedOverSinceAge < CLAIM_AFTER_MS || live.claims.size >= CLAIMS_MAX) return;
  if ([...live.claims.values()].includes(run.id)) return;
  const policy = state.policies.get(run.policy);
  const sameQuestion = `${run.policy} ${run.slots}`;
  if (policy === undefined || hopeless.has(sameQuestion)) return;
  const ask = askOf(state, policy, run, turn.age);
  for (const id of effectiveList(state, policy)) {
    if (live.claims.has(id) || !isClaimable(state, ask, id)) continue;
    live.claims.set(id, run.id);
    return;
  }
  hopeless.add(sameQuestion);
}

/** A claim that its run can't use any more keeps a server closed to everybody else: whatever was edited since, it is void. */
function dropVoidClaims(turn: Turn, live: PoolLive): void {
  for (const [server, claimer] of live.claims) if (!canClaim(turn, server, claimer)) live.claims.delete(server);
}

function canClaim({ state, age }: View, id: ServerId, claimer: RunId): boolean {
  const run = state.runs.get(claimer);
  const policy = run === undefined ? undefined : state.policies.get(run.policy);
  return run !== undefined && policy !== undefined && isClaimable(state, askOf(state, policy, run, age), id);
}

/** It is available, and may take the run once its slots are free. */
function isClaimable(state: ClusterState, ask: Ask, id: ServerId): boolean {
  const view = serverView(state, id);
  return view !== undefined && isSuitable(ask, id, view);
}
