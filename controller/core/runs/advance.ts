/**
 * Looks at one run and brings it a step further: an ordered list of rules over what its attempts prove, what is wanted,
 * and where its server is (semantics 6, 7). Called whenever something about the run may have changed.
 */
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { change, changeAttempt, SILENT } from '../cluster/change.ts';
import { attemptLiveOf, poolLiveOf, poolOf, serverLiveOf, serverOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { serverView } from '../placement/capacity.ts';
import { obstacleText, unavailability } from '../placement/obstacle.ts';
import { avoided, nextSetback, withSkip } from '../placement/setback.ts';
import { happened } from '../placement/setback-text.ts';
import type { RunReason } from '../records/run-reason.ts';
import { isEnded } from '../records/run-state.ts';
import type { Attempt, Run } from '../records/state.ts';
import {
  aboutToStart,
  currentAttempt,
  endAttempt,
  isUnended,
  sendStop,
  stopAttempt,
  unendedAttempts,
} from './attempt.ts';
import { askFullState } from './full-state.ts';
import { stopUnhealthy } from './health.ts';
import { endProvenAtMono, lastGrantMono, takeoverWaitOf } from './lease.ts';
import { isSamePlace } from './place.ts';
import { abandonMove, endReservation, RESERVATION_MAX_MS } from './reservation.ts';
import { announceState, dequeue, enqueue, finish, showState } from './run.ts';
import { endAtTimeLimit } from './time-limit.ts';

/** A start is asked after when unanswered for this long. */
const START_ANSWER_MS = 5 * SECOND;
/** The mass-failure brake delays a takeover by at most this. */
export const STORM_MAX_MS = 5 * MINUTE;

export function advanceRun(turn: Turn, run: Run): void {
  if (isEnded(run)) return;
  for (const attempt of unendedAttempts(run)) {
    proveByWait(turn, run, attempt);
  }
  if (run.desired === 'STOPPED') {
    bringToStop(turn, run);
    return;
  }
  for (const attempt of unendedAttempts(run)) giveUpForOverlap(turn, run, attempt);
  const attempt = currentAttempt(run) ?? leftBehind(turn, run);
  if (attempt === undefined) awaitPlacement(turn, run);
  else if (attempt.overlapped) awaitProof(turn, run, attempt);
  else follow(turn, run, attempt);
}

/** The policy was changed from OVERLAP to another mode after this attempt was written off: it counts again, and must be proven ended. */
function leftBehind(turn: View, run: Run): Attempt | undefined {
  if (turn.state.policies.get(run.policy)?.spec.onDisconnect === 'OVERLAP') return undefined;
  return unendedAttempts(run).at(-1);
}

function awaitProof(turn: Turn, run: Run, attempt: Attempt): void {
  dequeue(turn, run);
  if (isStuck(turn, attempt)) showStuck(turn, run, attempt);
  else showFencing(turn, run, attempt);
}

/** Proof (b): the takeover wait passed since the last grant. Held back while the pool is under the mass-failure brake. */
function proveByWait(turn: Turn, run: Run, attempt: Attempt): void {
  const { state, now } = turn;
  const provenAt = endProvenAtMono(state, run, attempt);
  // One that was never sent needs no proof, and its start may yet be sent.
  if (provenAt === undefined || !attemptLiveOf(state, attempt).mayHaveBeenSent) return;
  const storm = poolLiveOf(state, run.pool).storm.activeSinceMono !== undefined;
  const at = Math.max(storm ? provenAt + STORM_MAX_MS : provenAt, state.judgeNotBeforeMono);
  if (now.mono < at) {
    if (attemptLiveOf(state, attempt).prolongedBy === undefined) turn.wakeRunAt(run.id, at);
    return;
  }
  if (isOnlySuspected(turn, attempt)) return;
  const waitedMs = Math.round(now.mono - lastGrantMono(state, attempt));
  const lateMs = (now.mono - provenAt).toFixed(1);
  endAttempt(turn, run, attempt, {
    cause: attempt.stopReason === undefined ? 'LOST' : 'STOPPED',
    exitCode: undefined,
    signal: '',
    proof: 'WAIT',
    detail: `${waitedMs} ms passed since its last grant, ${lateMs} ms more than the takeover wait of ${takeoverWaitOf(state, run, attempt)} ms`,
  });
}

/**
 * While its server is SUSPECT nothing moves, also when the wait of one attempt is over before that of its server: the last heartbeats
 * may not have been granted for it. The server's next state looks at the run again. A stop that was decided waits for nothing.
 */
function isOnlySuspected(turn: View, attempt: Attempt): boolean {
  const server = serverOf(turn.state, attempt.server);
  return (
    server.liveness === 'SUSPECT' && attempt.stopReason === undefined && server.instanceId === attempt.place.instanceId
  );
}

/** OVERLAP needs no proof once its server is missing: the older attempt is left behind and stopped on return. */
function giveUpForOverlap(turn: Turn, run: Run, attempt: Attempt): void {
  if (attempt.state.kind === 'ENDED' || attempt.overlapped || attempt.terms.onDisconnect !== 'OVERLAP') return;
  const policy = turn.state.policies.get(run.policy);
  if (policy?.spec.onDisconnect !== 'OVERLAP') return;
  const { liveness } = serverOf(turn.state, attempt.server);
  const isAway = liveness === 'MISSING' || liveness === 'LEFT';
  // What answers under the server's name may know nothing of it: another place, or an agent that gets no further than its Hello.
  if (!isAway && !isGrantedByNobody(turn, attempt)) return;
  // M counts from the last heartbeat, after a Goodbye that left it behind too, or from the last grant that was for it.
  const { lastHeartbeatMono } = serverLiveOf(turn.state, attempt.server);
  const since = isAway ? lastHeartbeatMono : lastGrantMono(turn.state, attempt);
  const goneAtMono = since + poolOf(turn.state, run.pool).timers.missingAfterMs;
  const isOver = liveness === 'MISSING' || turn.now.mono >= Math.max(goneAtMono, turn.state.judgeNotBeforeMono);
  if (!isOver) {
    turn.wakeRunAt(run.id, Math.max(goneAtMono, turn.state.judgeNotBeforeMono));
    return;
  }
  const { age, now } = turn;
  // Its own agent is up and knows nothing of it: as good as a lost run, there.
  const isLost = !isAway && !isReplaced(turn, attempt);
  const skip = avoided(attempt, nextSetback(run, attempt, 'RUN_MISSING', age), age);
  const queued = {
    nextCause: 'RECOVERY',
    queueCause: 'RECOVERY',
    queueSinceWall: now.wall,
    queueSinceAge: age,
    nextReason: isLost ? 'RUN_MISSING' : 'SERVER_MISSING',
  } as const;
  // What the attempt is left for is told with it.
  change(turn, run, isLost ? { ...queued, skips: withSkip(run, skip) } : queued, SILENT);
  const message = `${run.id} may be started again while epoch ${attempt.epoch} on ${attempt.server} may still run (OVERLAP)`;
  const cause = isAway ? (`SERVER_${liveness}` as const) : 'UNHEARD_OF';
  changeAttempt(turn, run, attempt, { overlapped: true }, { type: 'RUN_OVERLAPPING', cause, message });
}

/** It may run, nobody stops it, and no session grants it anything. */
function isGrantedByNobody({ state }: View, attempt: Attempt): boolean {
  const { mayHaveBeenSent, prolongedBy } = attemptLiveOf(state, attempt);
  return (
    mayHaveBeenSent && prolongedBy === undefined && attempt.stopReason === undefined && attempt.state.kind !== 'STUCK'
  );
}

function bringToStop(turn: Turn, run: Run): void {
  // It may wait for a server beside an attempt that was left behind.
  dequeue(turn, run);
  const unended = unendedAttempts(run);
  for (const attempt of unended) {
    stopAttempt(turn, run, attempt, 'OPERATOR', 'it is no longer wanted');
    // One whose start was never sent has ended by that.
    if (isUnended(attempt)) sendStop(turn, run, attempt, attempt.stopReason ?? 'OPERATOR');
  }
  const [left] = unendedAttempts(run);
  if (left === undefined) {
    finish(turn, run, run.outcome ?? { kind: 'STOPPED', reason: 'OPERATOR', message: 'it was told to stop' });
    return;
  }
  if (isStuck(turn, left)) showStuck(turn, run, left);
  else if (isOutOfReach(turn, left) && !isAboutToEnd(turn, left)) showFencing(turn, run, left);
  else {
    const message = `${left.server} was told to stop it`;
    showState(turn, run, { kind: 'STOPPING', reason: left.stopReason ?? 'OPERATOR', message });
  }
}

/** No attempt stands: the run waits for its time, then in the queue. */
function awaitPlacement(turn: Turn, run: Run): void {
  const { now } = turn;
  dropStaleReservation(turn, run);
  const reason = run.nextReason;
  if (run.notBeforeAge > turn.age) {
    turn.wakeRunAtAge(run.id, run.notBeforeAge);
    const etaWall = now.wall + run.notBeforeAge - turn.age;
    if (reason === 'BACKOFF') announceState(turn, run, { kind: 'BACKOFF', reason, message: whyItRests(run), etaWall });
    else announceState(turn, run, { kind: 'QUEUED', reason, message: whyItWaits(run, reason), etaWall });
    return;
  }
  if (run.state.kind !== 'QUEUED') showState(turn, run, { kind: 'QUEUED', reason, message: 'it looks for a server' });
  takeEdits(turn, run);
  enqueue(turn, run);
}

const whyItRests = ({ id }: Run): string =>
  `it failed on every server that may take it, and is tried again after a pause, or now with locum run release ${id}`;

function whyItWaits({ attempts }: Run, reason: RunReason): string {
  const last = attempts.at(-1);
  const why = last === undefined ? undefined : happened(reason, `on ${last.server}`);
  return why === undefined ? 'its next start comes after a pause' : `${why}; its next start comes after a pause`;
}

/** Edits of a policy hold from the next attempt on; while an older one may live, its slots are still counted by the run. */
function takeEdits(turn: Turn, run: Run): void {
  const policy = turn.state.policies.get(run.policy);
  if (policy === undefined || run.slots === policy.spec.slots || unendedAttempts(run).length > 0) return;
  // The edit of its policy is told.
  change(turn, run, { slots: policy.spec.slots }, SILENT);
}

/** An attempt stands: the run shows what it and its server do. */
function follow(turn: Turn, run: Run, attempt: Attempt): void {
  const server = serverOf(turn.state, attempt.server);
  if (isStuck(turn, attempt)) {
    abandonMove(turn, run, 'TREE_ALIVE');
    showStuck(turn, run, attempt);
    return;
  }
  if (isAboutToEnd(turn, attempt)) return;
  if (isOutOfReach(turn, attempt)) {
    showFencing(turn, run, attempt);
    return;
  }
  if (attempt.stopReason !== undefined) {
    dropStaleReservation(turn, run);
    sendStop(turn, run, attempt, attempt.stopReason);
    showState(turn, run, {
      kind: 'STOPPING',
      reason: attempt.stopReason,
      message: `${server.id} was told to stop it`,
    });
    return;
  }
  if (attempt.state.kind === 'RUNNING' || attempt.state.kind === 'STOPPING') {
    settleMove(turn, run, attempt);
    if (endAtTimeLimit(turn, run, attempt) || stopUnhealthy(turn, run, attempt)) return;
    const message = `runs on ${server.id} as epoch ${attempt.epoch}`;
    announceState(turn, run, { kind: 'RUNNING', reason: attempt.cause, message });
    return;
  }
  if (attemptLiveOf(turn.state, attempt).mayHaveBeenSent) {
    showState(turn, run, { kind: 'STARTING', reason: attempt.cause, message: `${server.id} was told to start it` });
    watchStart(turn, run, attempt);
  } else {
    showState(turn, run, {
      kind: 'ASSIGNED',
      reason: attempt.cause,
      message: aboutToStart(server),
    });
  }
}

/** An unanswered start is asked after, and given up at missing_after; it is never sent again (semantics 7d). */
function watchStart(turn: Turn, run: Run, attempt: Attempt): void {
  const { state, now } = turn;
  const live = attemptLiveOf(state, attempt);
  if (live.startSentMono === undefined) return;
  const { missingAfterMs } = poolOf(state, run.pool).timers;
  const askAt = live.startSentMono + Math.min(START_ANSWER_MS, missingAfterMs / 4);
  const giveUpAt = live.startSentMono + missingAfterMs;
  if (now.mono >= giveUpAt) {
    stopAttempt(turn, run, attempt, 'START_UNANSWERED', `its start was not answered for ${missingAfterMs} ms`);
    return;
  }
  const { session } = serverLiveOf(state, attempt.server);
  if (now.mono >= askAt && session !== undefined) askFullState(turn, session, 'START_UNANSWERED');
  turn.wakeRunAt(run.id, now.mono >= askAt ? giveUpAt : askAt);
}

/** The agent that is coming in does not list it: its next message is the proof, and what is shown until then stays. */
function isAboutToEnd(turn: View, { server, epoch }: Attempt): boolean {
  const absent = serverLiveOf(turn.state, server).session?.absent ?? [];
  return absent.some((one) => one.epoch === epoch);
}

/** Nobody speaks for the attempt: its server is gone, or what answers under its name is of another place or another boot. */
function isOutOfReach(turn: View, attempt: Attempt): boolean {
  const { liveness } = serverOf(turn.state, attempt.server);
  return liveness === 'MISSING' || liveness === 'LEFT' || isReplaced(turn, attempt);
}

/** Its tree can't be killed, and an agent that is heard says so. Nobody speaks of it any more once the host is silent as well. */
const isStuck = (turn: View, attempt: Attempt): boolean =>
  attempt.state.kind === 'STUCK' && !isOutOfReach(turn, attempt);

/** The attempt's server is back, and what came back knows nothing of the attempt. */
export function isReplaced(turn: View, attempt: Attempt): boolean {
  const { session } = serverLiveOf(turn.state, attempt.server);
  return session !== undefined && (!isSamePlace(attempt, session) || session.bootId !== attempt.bootId);
}

function showFencing(turn: Turn, run: Run, attempt: Attempt): void {
  const { state, now } = turn;
  const provenAt = endProvenAtMono(state, run, attempt);
  const { liveness } = serverOf(state, attempt.server);
  const replaced = isReplaced(turn, attempt);
  if (provenAt === undefined) {
    const { onDisconnect } = attempt.terms;
    const why = replaced ? 'answers from another place or boot' : 'is silent';
    const proof = replaced
      ? `if you know that it has, locum run release ${run.id} --abandon-attempt --reason …`
      : `its return or, if you know that the host is dead, locum server confirm-dead ${attempt.server} --reason …`;
    const message = `${attempt.server} ${why} and ${onDisconnect} needs a proof that epoch ${attempt.epoch} ended: ${proof}`;
    const reason = onDisconnect === 'STOP' ? 'SERVER_MISSING' : onDisconnect;
    announceState(turn, run, { kind: 'FENCING', reason, message });
    return;
  }
  const storm = poolLiveOf(state, run.pool).storm.activeSinceMono !== undefined;
  const at = storm ? provenAt + STORM_MAX_MS : provenAt;
  const why = replaced ? 'answers from another place or boot' : liveness === 'LEFT' ? 'has left' : 'is missing';
  const brake = storm
    ? `, and the mass-failure brake may hold takeovers back (locum proceed ${run.pool} ends that)`
    : '';
  const then = run.desired === 'STOPPED' ? 'has ended' : 'is placed again';
  announceState(turn, run, {
    kind: 'FENCING',
    reason: storm ? 'STORM' : replaced ? 'SERVER_REPLACED' : 'SERVER_MISSING',
    message: `${attempt.server} ${why}${brake}: the run ${then} once epoch ${attempt.epoch} is dead for certain`,
    etaWall: now.wall + Math.max(0, at - now.mono),
  });
}

function showStuck(turn: Turn, run: Run, attempt: Attempt): void {
  const message = `${attempt.server} can't kill the processes of epoch ${attempt.epoch}: look at them there; as a last resort, locum run release ${run.id} --abandon-attempt --reason …`;
  announceState(turn, run, { kind: 'STUCK', reason: 'TREE_ALIVE', message });
}

/** A move succeeded when the new attempt runs on its target. */
function settleMove(turn: Turn, run: Run, attempt: Attempt): void {
  if (run.reservation === undefined) return;
  if (attempt.server === run.reservation.server) {
    // That it runs there is told.
    change(turn, run, { lastMoveAge: turn.age }, SILENT);
    endReservation(turn, run, SILENT);
  } else dropStaleReservation(turn, run);
}

/** A reservation is void when its target is not available any more or after 5 minutes. */
function dropStaleReservation(turn: Turn, run: Run): void {
  const { reservation } = run;
  if (reservation === undefined) return;
  const { server, sinceAge } = reservation;
  if (turn.age >= sinceAge + RESERVATION_MAX_MS) {
    abandonMove(turn, run, 'TOO_LATE');
    return;
  }
  const target = serverView(turn.state, server);
  const obstacle = target === undefined ? undefined : unavailability(target, server);
  if (target !== undefined && obstacle === undefined) turn.wakeRunAtAge(run.id, sinceAge + RESERVATION_MAX_MS);
  else abandonMove(turn, run, 'TARGET_UNAVAILABLE', obstacle && `${server} ${obstacleText(obstacle, turn.age)}`);
}
