/**
 * Sessions: an unbroken agent stream, from its accepted Hello to its end. Commands wait here until their commit is
 * durable and their term checked; what is handed to the stream makes the next generation (semantics C1, C2).
 */
import { assert, unreachable } from '../../../shared/assert.ts';
import type { LocumError } from '../../../shared/errors.ts';
import type { LeaderMessage, Verdict } from '../../../shared/protocol/leader-message.ts';
import { changeAttempt, SILENT } from '../cluster/change.ts';
import { attemptLiveOf, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Session, StartMessage, Waiting } from '../cluster/session.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { Attempt, Run, StopReason } from '../records/state.ts';
import { endNeverSent, isUnended, openAttempt } from '../runs/attempt.ts';
import { freezeLastGrant } from '../runs/lease.ts';
import { isSamePlace } from '../runs/place.ts';

/** Starts handed over and not answered: by count and by bytes. Further ones wait. */
const STARTS_UNANSWERED_MAX = 64;
const STARTS_UNANSWERED_BYTES = 256 * 1024;

/** Hands over what may leave: the Welcome first, then stops and acknowledgements, then starts as there is room. */
export function pump(turn: Turn, session: Session): void {
  if (session.phase === 'OPENING') {
    if (!ready(turn, session.welcome)) return;
    handWelcome(turn, session);
  }
  while (session.control[0] !== undefined && ready(turn, session.control[0]))
    handControl(turn, session, session.control);
  while (session.starts[0] !== undefined && ready(turn, session.starts[0]) && hasRoom(session)) {
    const waiting = session.starts.shift();
    if (waiting?.command.kind === 'start') handStart(turn, session, waiting.command.message);
  }
  if (session.control.length === 0 && session.starts.length === 0) turn.waitingSessions.delete(session);
}

/** A heartbeat (or the Hello, 0) is covered by a check of the term: it is granted (semantics C1, C2). */
export function grant(turn: Turn, session: Session, sequence: number, receivedMono: number): void {
  if (turn.state.sessions.get(session.conn) !== session) return;
  session.coveredSequence = Math.max(session.coveredSequence, sequence);
  if (session.phase !== 'OPEN') return;
  noteGrant(turn, session, receivedMono);
  send(turn, session, { kind: 'grant', sequence, generation: session.generation });
}

/** Ends a session: nothing extends its attempts any more, and starts that were not handed over never will be. */
export function closeSession(turn: Turn, session: Session, error: LocumError | undefined, tellShell: boolean): void {
  const { state } = turn;
  const live = serverLiveOf(state, session.server);
  live.lastGrantMono = Math.max(live.lastGrantMono, session.lastGrantMono);
  for (const { run, attempt } of attemptsOn(turn, session)) {
    const { mayHaveBeenSent } = attemptLiveOf(state, attempt);
    if (attemptLiveOf(state, attempt).prolongedBy === session.id) freezeLastGrant(state, attempt);
    turn.lookAtRun(run.id);
    if (!mayHaveBeenSent) endNeverSent(turn, run, attempt);
  }
  if (live.session === session) live.session = undefined;
  state.sessions.delete(session.conn);
  turn.waitingSessions.delete(session);
  turn.lookAtServer(session.server);
  if (tellShell) turn.effects.push({ kind: 'close', conn: session.conn, error });
}

/** Unended attempts on the session's server that live in its place. */
export function attemptsOn(turn: View, session: Session): readonly { readonly run: Run; readonly attempt: Attempt }[] {
  const found: { run: Run; attempt: Attempt }[] = [];
  for (const id of serverLiveOf(turn.state, session.server).runs) {
    const run = turn.state.runs.get(id);
    if (run === undefined) continue;
    for (const attempt of run.attempts) {
      if (isUnended(attempt) && attempt.server === session.server && isSamePlace(attempt, session))
        found.push({ run, attempt });
    }
  }
  return found;
}

const ready = (turn: Turn, waiting: Pick<Waiting, 'needCommit' | 'needCheck'>): boolean =>
  turn.barrier.isDurable(waiting.needCommit, turn.journal.hasWrites) && turn.barrier.isChecked(waiting.needCheck);

const hasRoom = (session: Session): boolean =>
  session.unanswered.size === 0 ||
  (session.unanswered.size < STARTS_UNANSWERED_MAX && session.unansweredBytes < STARTS_UNANSWERED_BYTES);

function send(turn: Turn, session: Session, message: LeaderMessage): void {
  turn.effects.push({ kind: 'send', conn: session.conn, message });
}

function noteGrant(turn: Turn, session: Session, mono: number): void {
  session.lastGrantMono = Math.max(session.lastGrantMono, mono);
  const live = serverLiveOf(turn.state, session.server);
  live.lastGrantMono = Math.max(live.lastGrantMono, session.lastGrantMono);
}

/** The Welcome re-issues leases anchored at the Hello, so it counts as a grant at the Hello's receive time. */
function handWelcome(turn: Turn, session: Session): void {
  const { state } = turn;
  session.phase = 'OPEN';
  session.generation = 1;
  const { verdicts } = session.welcome;
  applyVerdicts(turn, session, verdicts);
  noteGrant(turn, session, session.helloMono);
  const server = state.servers.get(session.server);
  assert(server !== undefined, `session ${session.id} belongs to a registered server`);
  const { timers } = poolOf(state, server.pool);
  send(turn, session, {
    kind: 'welcome',
    session: session.id,
    clusterId: turn.state.clusterId,
    uid: server.uid,
    timers,
    verdicts,
  });
  turn.lookAtServer(session.server);
}

/** From here on the grants of this session prolong what it keeps, and not what it stops. */
function applyVerdicts(turn: Turn, session: Session, verdicts: readonly Verdict[]): void {
  const stopped = new Set(verdicts.filter((verdict) => verdict.action === 'STOP').map((verdict) => verdict.epoch));
  const kept = new Set(verdicts.filter((verdict) => verdict.action !== 'STOP').map((verdict) => verdict.epoch));
  for (const { attempt } of attemptsOn(turn, session)) {
    const live = attemptLiveOf(turn.state, attempt);
    if (stopped.has(attempt.epoch)) {
      freezeLastGrant(turn.state, attempt);
      live.stopSentIn = session.id;
    } else if (kept.has(attempt.epoch)) {
      live.prolongedBy = session.id;
      live.lastGrantMono = Math.max(live.lastGrantMono, session.helloMono);
    }
  }
}

function handControl(turn: Turn, session: Session, queue: Waiting[]): void {
  const waiting = queue.shift();
  if (waiting === undefined) return;
  const { command } = waiting;
  switch (command.kind) {
    case 'stop':
      handStop(turn, session, command.run, command.epoch, command.reason);
      return;
    case 'ack': {
      const attempts = [{ run: command.run, epoch: command.epoch }];
      // What follows in the queue and is ready goes into the same message.
      while (queue[0]?.command.kind === 'ack' && ready(turn, queue[0])) {
        const next = queue.shift()?.command;
        if (next?.kind === 'ack') attempts.push({ run: next.run, epoch: next.epoch });
      }
      send(turn, session, { kind: 'ack', attempts });
      return;
    }
    case 'verdicts':
      session.generation += 1;
      applyVerdicts(turn, session, command.verdicts);
      send(turn, session, { kind: 'verdicts', generation: session.generation, verdicts: command.verdicts });
      return;
    case 'plain':
      send(turn, session, command.message);
      // From now on the agent can keep to them.
      if (command.message.kind === 'timers_changed')
        serverLiveOf(turn.state, session.server).rhythmSinceMono = turn.now.mono;
      return;
    case 'start':
      throw new Error('starts have a queue of their own');
    default:
      unreachable(command);
  }
}

function handStop(turn: Turn, session: Session, run: Run['id'], epoch: Attempt['epoch'], reason: StopReason): void {
  const found = openAttempt(turn.state, { run, epoch });
  session.generation += 1;
  if (found !== undefined) {
    if (attemptLiveOf(turn.state, found.attempt).prolongedBy === session.id) freezeLastGrant(turn.state, found.attempt);
    turn.lookAtRun(run);
  }
  const commandId = nextCommand(turn, session, { kind: 'stop', run, epoch, bytes: 0 });
  send(turn, session, { kind: 'stop', commandId, generation: session.generation, run, epoch, reason });
}

/** Hands a start over, bound to the newest covered heartbeat. From now on the attempt may live (semantics C2, C4). */
function handStart(turn: Turn, session: Session, message: StartMessage): void {
  const { state, now } = turn;
  const found = openAttempt(state, message);
  if (found === undefined) return;
  const { run, attempt } = found;
  session.generation += 1;
  // It is shown, and known again to whoever leads next: nothing of it is written.
  changeAttempt(turn, run, attempt, { state: { kind: 'STARTING', pid: 0, startWall: undefined } }, SILENT);
  const live = attemptLiveOf(state, attempt);
  live.mayHaveBeenSent = true;
  live.prolongedBy = session.id;
  live.lastGrantMono = now.mono;
  live.startedIn = { session: session.id, generation: session.generation };
  live.startSentMono = now.mono;
  const bytes = startBytes(message);
  const commandId = nextCommand(turn, session, { kind: 'start', run: run.id, epoch: attempt.epoch, bytes });
  const { generation, coveredSequence } = session;
  send(turn, session, { kind: 'start', commandId, generation, sequence: coveredSequence, ...message });
}

function nextCommand(
  turn: Turn,
  session: Session,
  command: {
    readonly kind: 'start' | 'stop';
    readonly run: Run['id'];
    readonly epoch: Attempt['epoch'];
    readonly bytes: number;
  },
): number {
  turn.lastCommandId += 1;
  session.unanswered.set(turn.lastCommandId, command);
  session.unansweredBytes += command.bytes;
  return turn.lastCommandId;
}

/** A rough size: what makes a start large is its text, its arguments and its environment. */
function startBytes(message: StartMessage): number {
  const { workload } = message;
  let bytes = 512;
  for (const text of message.arguments) bytes += text.length;
  for (const [name, value] of Object.entries(workload.env)) bytes += name.length + value.length;
  for (const [name, source] of Object.entries(workload.envFrom ?? {}))
    bytes += name.length + (source.kind === 'file' ? source.path : source.name).length;
  if (workload.kind === 'script') bytes += workload.text.length;
  else for (const text of workload.argv) bytes += text.length;
  if (message.healthCheck?.probe.kind === 'exec')
    for (const text of message.healthCheck.probe.argv) bytes += text.length;
  return bytes;
}
