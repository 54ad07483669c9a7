/**
 * What agents report about attempts, and what inventories prove. Reports of a place are about attempts of that place
 * only; an inventory proves the end of what it does not list (semantics C3a, 7b, 11).
 */

import type { AttemptRef, AttemptStateName, ReportedAttempt } from '../../../shared/protocol/attempt.ts';
import type { Verdict } from '../../../shared/protocol/leader-message.ts';
import { changeAttempt, SILENT } from '../cluster/change.ts';
import { attemptLiveOf } from '../cluster/cluster.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { type AttemptEnd, startWallOf } from '../records/attempt-state.ts';
import type { Attempt, Run, StopReason } from '../records/state.ts';
import { endAttempt, isUnended, type OpenAttempt, openAttempt } from '../runs/attempt.ts';
import { noteEarlierLife, noteEnded } from '../runs/earlier-life.ts';
import { noteHealth } from '../runs/health.ts';
import { isSamePlace } from '../runs/place.ts';
import { dequeue } from '../runs/run.ts';
import { noteHostRefusal, noteStarted } from './server-gate.ts';
import { attemptsOn } from './session.ts';

/** Takes in what an agent says about one attempt. Answers the record that it is about, if it is ours and still open. */
export function observe(turn: Turn, session: Session, reported: ReportedAttempt): void {
  const found = find(turn, session, reported);
  const { state } = reported;
  if (state === 'ENDED') {
    if (found !== undefined) endReported(turn, found.run, found.attempt, reported);
    noteEnded(turn, session, reported);
    turn.queueCommand(session, { kind: 'ack', run: reported.run, epoch: reported.epoch });
    return;
  }
  if (found !== undefined) noteState(turn, session, found, { ...reported, state });
}

function find(turn: View, session: Session, reported: ReportedAttempt): OpenAttempt | undefined {
  const found = openAttempt(turn.state, reported);
  return found !== undefined && isSamePlace(found.attempt, session) ? found : undefined;
}

function endReported(turn: Turn, run: Run, attempt: Attempt, reported: ReportedAttempt): void {
  const { end, startWall, endWall } = reported;
  const isRefused = end?.cause === 'REFUSED' || end?.cause === 'EXPIRED';
  const ended: AttemptEnd = {
    cause: end?.cause ?? 'UNKNOWN',
    exitCode: end?.exitCode,
    signal: end?.signal ?? '',
    proof: isRefused ? 'REFUSED' : 'REPORT',
    detail: end?.detail ?? '',
    hostProblem: end?.hostProblem,
  };
  // Its start by the clock that tells of its end as well; until now it may be ours, of when the start was answered.
  endAttempt(turn, run, attempt, ended, { startWall, endWall });
  if (end?.hostProblem !== undefined) {
    noteHostRefusal(turn, attempt.server, { kind: end.hostProblem, detail: end.detail });
  }
}

type ReportedLiving = ReportedAttempt & { readonly state: Exclude<AttemptStateName, 'ENDED'> };

/** What it says of a living attempt. */
function noteState(turn: Turn, session: Session, { run, attempt }: OpenAttempt, reported: ReportedLiving): void {
  const { state: known } = attempt;
  // A Hello may be an old one: that the tree can be killed after all is believed of a session that was taken.
  const kind = known.kind === 'STUCK' && session.phase === 'OPENING' ? 'STUCK' : reported.state;
  if (kind === 'RUNNING' && known.kind !== 'RUNNING') noteStarted(turn, attempt.server);
  const pid = reported.pid === 0 && 'pid' in known ? known.pid : reported.pid;
  const startWall = reported.startWall ?? startWallOf(attempt);
  // Whoever looks at the run says what has become of it.
  changeAttempt(turn, run, attempt, { state: kind === 'ASSIGNED' ? { kind } : { kind, pid, startWall } }, SILENT);
  noteHealth(turn, run, attempt, reported.health);
}

/**
 * Takes in what a full inventory lists, and answers what it does not list though it would if it lived.
 * `generation` is undefined for a Hello, which opens a later session than every start of its place.
 */
export function takeInventory(
  turn: Turn,
  session: Session,
  inventory: readonly ReportedAttempt[],
  generation: number | undefined,
): readonly AttemptRef[] {
  noteEarlierLife(turn, session, inventory);
  const listed = new Set<string>();
  for (const reported of inventory) {
    listed.add(listKey(reported));
    observe(turn, session, reported);
  }
  return attemptsOn(turn, session)
    .filter(({ run, attempt }) => !listed.has(listKey({ run: run.id, epoch: attempt.epoch })))
    .filter(({ attempt }) => includesStart(turn, session, attempt, generation))
    .map(({ run, attempt }) => ({ run: run.id, epoch: attempt.epoch }));
}

/** One verdict for each living attempt of a full inventory. */
export const judgeInventory = (
  turn: Turn,
  session: Session,
  inventory: readonly ReportedAttempt[],
): readonly Verdict[] =>
  inventory.filter((reported) => reported.state !== 'ENDED').map((reported) => judge(turn, session, reported));

/**
 * What a Hello does not list is proven ended by the first message that follows the Welcome, not by the Hello: a Hello may have been
 * under way for long, and its agent may since have taken another session and a start there. With that message the agent has read the
 * Welcome, so every other session of its is over (found with the formal model, docs/model/).
 */
export function confirmAbsent(turn: Turn, session: Session): void {
  const { absent } = session;
  session.absent = [];
  endAbsent(turn, session, absent);
}

/** Ends what is still open of it. */
export function endAbsent(turn: Turn, session: Session, absent: readonly AttemptRef[]): void {
  for (const ref of absent) {
    const found = openAttempt(turn.state, ref);
    if (found !== undefined) endUnlisted(turn, found, session);
  }
}

const listKey = ({ run, epoch }: AttemptRef): string => `${run}/${epoch}`;

/** Whether an inventory could know the attempt's start: of an earlier session, or of a generation that it names. */
function includesStart(turn: View, session: Session, attempt: Attempt, generation: number | undefined): boolean {
  const live = attemptLiveOf(turn.state, attempt);
  if (!live.mayHaveBeenSent) return false;
  // Another boot is a proof only if the host's uptime agrees; else the takeover wait decides.
  if (attempt.bootId !== session.bootId && !session.bootedSince) return false;
  if (live.startedIn === undefined || live.startedIn.session !== session.id) return true;
  return generation !== undefined && generation >= live.startedIn.generation;
}

function endUnlisted(turn: Turn, { run, attempt }: OpenAttempt, session: Session): void {
  const rebooted = attempt.bootId !== session.bootId;
  // An earlier leader assigned it and nobody ever saw it: its start may never have left. No server lost it.
  const neverSeen = startWallOf(attempt) === undefined && attemptLiveOf(turn.state, attempt).startedIn === undefined;
  endAttempt(turn, run, attempt, {
    cause: attempt.stopReason !== undefined ? 'STOPPED' : neverSeen ? 'UNKNOWN' : 'LOST',
    exitCode: undefined,
    signal: '',
    proof: rebooted ? 'NEW_BOOT' : 'INVENTORY',
    detail: rebooted ? 'its host was booted again' : 'its agent lists all that runs there, and it is not among that',
  });
}

/** Why a living attempt of an inventory stops: nobody knows it, it is over, something newer took its place, or a stop that was decided. */
type WhyStopped =
  | 'UNKNOWN_RUN'
  | 'UNKNOWN_ATTEMPT'
  | 'OTHER_PLACE'
  | 'ENDED'
  | 'SUPERSEDED'
  | 'NOT_WANTED'
  | 'SERVER_DELETING'
  | StopReason;

/** One verdict for a living attempt of an inventory. */
function judge(turn: Turn, session: Session, reported: ReportedAttempt): Verdict {
  const { run: id, epoch } = reported;
  const stop = (reason: WhyStopped): Verdict => ({ run: id, epoch, action: 'STOP', reason });
  const run = turn.state.runs.get(id);
  if (run === undefined) return stop('UNKNOWN_RUN');
  const attempt = run.attempts.find((one) => one.epoch === epoch);
  if (attempt === undefined) return stop('UNKNOWN_ATTEMPT');
  if (!isSamePlace(attempt, session)) return stop('OTHER_PLACE');
  if (!isUnended(attempt)) return stop('ENDED');
  // A newer one, living or ended: its epoch was presented as the token, and no lower one carries on (I2).
  if (run.attempts.some((one) => one.epoch > epoch)) return stop('SUPERSEDED');
  if (attempt.stopReason !== undefined) return stop(attempt.stopReason);
  if (run.desired === 'STOPPED') return stop('NOT_WANTED');
  if (turn.state.servers.get(session.server)?.deleting) return stop('SERVER_DELETING');
  if (!attempt.overlapped)
    return { run: id, epoch, action: run.state.kind === 'FENCING' ? 'ADOPT' : 'KEEP', reason: '' };
  // It was given up for an overlapping attempt that does not exist yet: it is taken back.
  dequeue(turn, run);
  // The verdict tells the agent, and whoever looks at the run shows that it runs again.
  changeAttempt(turn, run, attempt, { overlapped: false }, SILENT);
  return { run: id, epoch, action: 'ADOPT', reason: '' };
}
