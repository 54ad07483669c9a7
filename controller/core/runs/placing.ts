/**
 * The placement pass of a pool: offers free slots to its queue in order (semantics 8, 9). A run for which nothing has
 * room blocks nobody with another eligible set.
 */

import type { PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { change, SILENT } from '../cluster/change.ts';
import { type ClusterState, type PoolLive, poolLiveOf, serverOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import {
  effectiveMaxSlots,
  freeSlots,
  freeSlotsFor,
  isAvailable,
  refreshIndex,
  serverView,
} from '../placement/capacity.ts';
import { effectiveList } from '../placement/effective-list.ts';
import { eligibleServers, meetsRequirements, placementQuery } from '../placement/eligible.ts';
import { satisfiable } from '../placement/explain.ts';
import { gateOf, isGateOpen } from '../placement/gate-view.ts';
import { happened, roughly, whyAvoided } from '../placement/happened.ts';
import { chooseServer } from '../placement/last-resort.ts';
import { isPaused, pausedServers, skipOf } from '../placement/setback.ts';
import type { Requirement } from '../records/capability.ts';
import type { Policy, Run, Server } from '../records/state.ts';
import { assign } from './attempt.ts';
import { earlierLifeOf } from './earlier-life.ts';
import { checkPlacement } from './invariants.ts';
import { abandonMove } from './reservation.ts';
import { announceState, dequeue, type Shown } from './run.ts';

/** A run that was passed over for so long gathers slots on one server. */
const CLAIM_AFTER_MS = 10 * MINUTE;
/** So many servers gather slots at once, in a pool. */
const CLAIMS_MAX = 64;
/** Of so many servers in front it is told why they were passed over. */
const TOLD_MAX = 3;

export function placePool(turn: Turn, pool: PoolId): void {
  const { state, now } = turn;
  const live = poolLiveOf(state, pool);
  const queue = live.queue.ordered(turn.age);
  if (queue.length === 0) return;
  dropVoidClaims(turn, live);
  const held = startsHeld(turn);
  if (now.mono < state.noStartBeforeMono) turn.wakePoolAt(pool, state.noStartBeforeMono);
  const full = new Set<string>();
  const blocked: Run[] = [];
  const pausing = new Set<Run>();
  let passedOver = 0;
  for (const entry of queue) {
    const run = state.runs.get(entry.run);
    const policy = run === undefined ? undefined : state.policies.get(run.policy);
    if (run === undefined || policy === undefined) continue;
    const hold = held ?? holdOfPolicy(turn, policy) ?? holdForOwnServer(turn, run);
    if (hold !== undefined) {
      announceState(turn, run, { state: 'QUEUED', ...hold });
      continue;
    }
    const paused = pausedServers(run, turn.age);
    if (paused.length > 0) pausing.add(run);
    const sameQuestion = `${policy.id} ${run.slots} ${run.preferServer ?? ''} ${run.reservation?.server ?? ''} ${paused.join(' ')}`;
    const chosen = full.has(sameQuestion) ? undefined : choose(turn, live, policy, run);
    if (chosen === undefined) {
      full.add(sameQuestion);
      blocked.push(run);
      continue;
    }
    place(turn, policy, run, chosen);
    passedOver = blocked.length;
  }
  for (const run of blocked.slice(0, passedOver)) if (!pausing.has(run)) noteBypass(turn, live, run);
  const told = new Map<string, Pick<Shown, 'reason' | 'message'>>();
  for (const run of blocked) if (!pausing.has(run) || !showPause(turn, live, run)) showBlocked(turn, run, told);
}

function choose(turn: Turn, live: PoolLive, policy: Policy, run: Run): ServerId | undefined {
  const { state } = turn;
  const reserved = run.reservation?.server;
  if (reserved !== undefined) {
    const server = serverOf(state, reserved);
    const fits = isAvailable(state, server) && freeSlotsFor(state, server, run) >= run.slots;
    // List and requirements may have been edited since the slot was reserved (I8).
    const allowed = effectiveList(state, policy).has(reserved) && meetsRequirements(state, policy, server);
    if (fits && allowed) return reserved;
  }
  const claimed = claimedByOthers(live, run);
  return chooseServer(live, placementQuery(state, policy, run, turn.age, { claimed }));
}

const claimedByOthers = (live: PoolLive, run: Run): readonly ServerId[] =>
  [...live.claims].filter(([, claimer]) => claimer !== run.id).map(([server]) => server);

function place(turn: Turn, policy: Policy, run: Run, id: ServerId): void {
  const { state } = turn;
  const server = serverOf(state, id);
  checkPlacement(state, policy, run, server);
  dequeue(turn, run);
  if (run.reservation !== undefined && run.reservation.server !== id) abandonMove(turn, run, 'PLACED_ELSEWHERE');
  assign(turn, run, policy, server, whyChosen(turn, policy, run, id));
  refreshIndex(state, id);
}

function whyBack({ reason }: Run): string {
  const why = happened(reason, 'there');
  return why === undefined ? 'it was there before' : `it was there before: ${why}`;
}

function whyChosen(turn: Turn, policy: Policy, run: Run, id: ServerId): string {
  const list = effectiveList(turn.state, policy);
  const rank = list.rankOf(id);
  const whose = policy.spec.servers.length > 0 ? "the policy's list" : 'the order';
  if (run.reservation?.server === id) return `a slot was reserved there (${run.reservation.cause})`;
  if (run.preferServer === id) return whyBack(run);
  if (rank === 1) return `first in ${whose}`;
  const before: string[] = [];
  for (const other of list.named()) {
    if (other === id || before.length === TOLD_MAX) break;
    before.push(`${other} ${whyNot(turn, policy, run, other)}`);
  }
  const shown = rank - 1 > TOLD_MAX ? [...before, `${rank - 1 - TOLD_MAX} more can't`] : before;
  return `number ${rank} in ${whose}; ${shown.join(', ')}`;
}

/** Why a server in front was passed over, in a few words. */
function whyNot(turn: Turn, policy: Policy, run: Run, id: ServerId): string {
  const { state } = turn;
  if (!effectiveList(state, policy).has(id)) return 'is not registered in its pool';
  const server = serverOf(state, id);
  if (!isAvailable(state, server)) return whyUnavailable(state, server);
  if (!meetsRequirements(state, policy, server)) return 'lacks what it requires';
  const skip = skipOf(run, id);
  const avoidedMs = skip === undefined ? 0 : Math.max(skip.untilAge, skip.pausedUntilAge) - turn.age;
  if (skip !== undefined && avoidedMs > 0) return `is avoided for ${roughly(avoidedMs)} (${whyAvoided(skip)})`;
  return 'is full';
}

function whyUnavailable(state: ClusterState, server: Server): string {
  if (server.liveness !== 'ALIVE') return `is ${server.liveness}`;
  if (server.deleting) return 'is being deleted';
  if (server.intent !== 'ACTIVE') return `is ${server.intent}`;
  if (server.saturated) return 'is SATURATED';
  const gate = gateOf(server);
  return gate.kind !== 'OPEN' && !isGateOpen(state, server) ? `is in ${gate.kind}` : 'is not connected';
}

/** Why a run is not even looked at. */
type Hold = Pick<Shown, 'reason' | 'message' | 'etaWall'>;

/** Starts are held back for the whole cluster. */
function startsHeld(turn: Turn): Hold | undefined {
  const { state, now } = turn;
  if (state.storeBehind !== undefined) return { reason: 'STORE_BEHIND', message: state.storeBehind };
  if (now.mono >= state.noStartBeforeMono) return undefined;
  return {
    reason: 'NEW_INCARNATION',
    message: 'the store was restored or adopted: nothing starts before what ran earlier is dead for certain',
    etaWall: now.wall + state.noStartBeforeMono - now.mono,
  };
}

/** After a restore: what the earlier life may have left running (C9). */
function holdOfPolicy(turn: Turn, policy: Policy): Hold | undefined {
  const message = earlierLifeOf(turn.state, policy);
  return message === undefined ? undefined : { reason: 'NEW_INCARNATION', message };
}

/** A lapsed run goes to the server it was on, which has just said Hello and is about to be welcome (semantics 7). */
function holdForOwnServer(turn: Turn, run: Run): Hold | undefined {
  const own = run.preferServer;
  if (own === undefined || turn.state.serverLive.get(own)?.session?.phase !== 'OPENING') return undefined;
  return { reason: run.reason, message: `it waits a moment for ${own}, where it was, which is just coming back` };
}

/**
 * A run that pauses where it would go: shown with the time, and looked at again then. False: there is no room where it pauses either.
 */
function showPause(turn: Turn, live: PoolLive, run: Run): boolean {
  const { state, now } = turn;
  const policy = state.policies.get(run.policy);
  if (policy === undefined) return false;
  const pauses = run.skips.filter((skip) => isPaused(skip, turn.age));
  turn.wakePoolAt(run.pool, turn.monoAt(Math.min(...pauses.map(({ pausedUntilAge }) => pausedUntilAge))));
  const claimed = claimedByOthers(live, run);
  const server = chooseServer(live, placementQuery(state, policy, run, turn.age, { claimed, pauses: 'ignored' }));
  const skip = server === undefined ? undefined : skipOf(run, server);
  if (skip === undefined) return false;
  const why = happened(skip.reason, `on ${skip.server}`) ?? `it came to nothing on ${skip.server}`;
  const message = `${why}; its next start there comes after a pause`;
  const etaWall = now.wall + skip.pausedUntilAge - turn.age;
  // A rest of the run itself may have been told before, with an end that was earlier.
  const isNews = run.etaWall === undefined || etaWall > run.etaWall + SECOND;
  announceState(turn, run, { state: 'QUEUED', reason: skip.reason, message, etaWall, isNews });
  return true;
}

/** Says why a run waits: once when it begins to, and again when the answer may have changed. */
function showBlocked(turn: Turn, run: Run, told: Map<string, Pick<Shown, 'reason' | 'message'>>): void {
  const { state } = turn;
  const said = run.state === 'QUEUED' && (run.reason === 'NO_ROOM' || run.reason === 'UNSATISFIABLE');
  if (said && !turn.recheckBlocked) return;
  const policy = state.policies.get(run.policy);
  if (policy === undefined) return;
  // Many runs ask the same: each question is answered once a pass, since an answer costs as much as there are servers.
  const { requirements, servers, listMode } = policy.spec;
  const question = JSON.stringify([requirements, servers, listMode, run.slots]);
  const answer = told.get(question) ?? whyBlocked(turn, policy, run.slots);
  told.set(question, answer);
  announceState(turn, run, { state: 'QUEUED', ...answer });
}

function whyBlocked(turn: Turn, policy: Policy, slots: number): Pick<Shown, 'reason' | 'message'> {
  const never = couldEverTake(turn, policy, slots);
  if (never !== undefined) return { reason: 'UNSATISFIABLE', message: never };
  return { reason: 'NO_ROOM', message: whyNoRoom(turn, policy, slots) };
}

function whyNoRoom({ state }: Turn, policy: Policy, slots: number): string {
  const eligible = eligibleServers(state, policy);
  const gathering = eligible.find((id) => freeSlots(state, serverOf(state, id)) >= slots);
  if (gathering !== undefined) return `the free slots of ${gathering} are kept for a run that has waited longer`;
  if (eligible.length > 0) return fullText(eligible, slots);
  const able = [...effectiveList(state, policy)].filter((id) => meetsRequirements(state, policy, serverOf(state, id)));
  const told = able.slice(0, TOLD_MAX).map((id) => `${id} ${whyUnavailable(state, serverOf(state, id))}`);
  const rest = able.length > TOLD_MAX ? ` and ${able.length - TOLD_MAX} more` : '';
  return `no server that may take it is available: ${told.join(', ')}${rest}`;
}

function fullText([first, ...others]: readonly ServerId[], slots: number): string {
  const is = slots === 1 ? 'is full' : `has fewer than ${slots} slots free`;
  if (others.length === 0) return `${first} ${is}, and no other server that may take it is available`;
  const are = slots === 1 ? 'are full' : `have fewer than ${slots} slots free`;
  return `all ${others.length + 1} available servers that may take it ${are}`;
}

/** Why no registered server could ever take a run of this policy, with other `requirements` where given. Undefined: one could. */
export function couldEverTake(
  turn: View,
  policy: Policy,
  slots: number,
  requirements?: readonly Requirement[],
): string | undefined {
  const { state } = turn;
  const query = { ...placementQuery(state, policy, undefined, turn.age, { requirements }), slots };
  // One that could take it now is the short answer; the long one costs as much as there are servers.
  if (poolLiveOf(state, policy.spec.pool).index.choose(query) !== undefined) return undefined;
  const answer = satisfiable(query, poolLiveOf(state, policy.spec.pool).index, (id) => serverView(state, id));
  return answer.kind === 'satisfiable' ? undefined : answer.detail;
}

/** A later run was placed while this one waits: after a while freed slots gather for it. */
function noteBypass(turn: Turn, live: PoolLive, run: Run): void {
  const { state } = turn;
  // That it waits is told; since when it was passed over only counts.
  if (run.passedOverSinceAge === 0) change(turn, run, { passedOverSinceAge: turn.age }, SILENT);
  if (turn.age - run.passedOverSinceAge < CLAIM_AFTER_MS || live.claims.size >= CLAIMS_MAX) return;
  if ([...live.claims.values()].includes(run.id)) return;
  const policy = state.policies.get(run.policy);
  if (policy === undefined) return;
  const server = eligibleServers(state, policy).find(
    (id) => !live.claims.has(id) && effectiveMaxSlots(state, serverOf(state, id)) >= run.slots,
  );
  if (server !== undefined) live.claims.set(server, run.id);
}

/** A claim that its run can't use any more keeps a server closed to everybody else: whatever was edited since, it is void. */
function dropVoidClaims(turn: Turn, live: PoolLive): void {
  for (const [server, claimer] of live.claims) if (!canClaim(turn, server, claimer)) live.claims.delete(server);
}

function canClaim({ state }: Turn, id: ServerId, claimer: RunId): boolean {
  const run = state.runs.get(claimer);
  const policy = run === undefined ? undefined : state.policies.get(run.policy);
  const server = state.servers.get(id);
  if (run === undefined || policy === undefined || server === undefined || !isAvailable(state, server)) return false;
  if (effectiveMaxSlots(state, server) < run.slots) return false;
  return effectiveList(state, policy).has(id) && meetsRequirements(state, policy, server);
}
