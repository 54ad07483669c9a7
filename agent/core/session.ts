/**
 * From Hello to Welcome, and the generations of a session (semantics: A2, section 11). A generation is the version number of the set of
 * attempts that this session wants; each start, stop or set of verdicts adds 1, and the stream keeps their order. A grant names the
 * version whose attempts it prolongs.
 */
import { assert } from '../../shared/assert.ts';
import { readingOf } from '../../shared/lease-clock.ts';
import type { LeaderMessage, Verdict, Welcome } from '../../shared/protocol/leader-message.ts';
import { keyOf } from './attempt.ts';
import { planDial, refuseController } from './dial.ts';
import { sendFullState, sendHello } from './inventory.ts';
import { beginStop, extendTo } from './lease.ts';
import type { Candidate, Greeting, Session } from './state.ts';
import { log, type Turn } from './turn.ts';

/**
 * The stream is open: says Hello, which is heartbeat 0. A7: never before the inventory comes from a live keeper. From here on the
 * old session starts nothing: what it starts would be missing in the inventory that has just left, and the leader takes that for
 * proof that it does not run (section 7b).
 */
export function greet(turn: Turn, candidate: Candidate): void {
  const { state, now } = turn;
  assert(state.keeper.kind === 'live', 'a Hello needs the inventory of a live keeper');
  candidate.greeting = {
    stamp: readingOf(now),
    reportedUpTo: state.changes,
    capabilities: state.capabilities,
    capacity: state.capacity,
    hostProblems: state.hostProblems,
    since: now.mono,
  };
  if (state.session !== undefined) state.session.barred = true;
  sendHello(turn, candidate.stream);
}

/** The candidate becomes the session, and the old one ends; or the candidate is refused. */
export function acceptWelcome(turn: Turn, candidate: Candidate, term: number, welcome: Welcome): void {
  const { state } = turn;
  const { greeting } = candidate;
  assert(greeting !== undefined, 'a Welcome is taken only after a Hello');
  const problem = clusterProblem(state.clusterId, welcome.clusterId);
  if (problem !== undefined) {
    refuseController(turn, candidate, problem);
    return;
  }
  const known = state.uid === welcome.uid && state.clusterId === welcome.clusterId && state.highestTerm === term;
  state.uid = welcome.uid;
  state.clusterId = welcome.clusterId;
  state.highestTerm = term;
  // Work is held for one cluster only, so the cluster is written down before any work can arrive.
  if (!known) {
    turn.effects.push({ kind: 'save_identity', uid: welcome.uid, clusterId: welcome.clusterId, highestTerm: term });
  }
  state.timers = welcome.timers;
  if (state.session !== undefined) {
    turn.effects.push({ kind: 'close_stream', stream: state.session.stream, flush: false });
  }
  state.session = openSession(turn, candidate, greeting, term, welcome);
  state.candidate = undefined;
  // A heartbeat of the old session may have carried what the Hello did not know yet.
  state.capabilitiesChanged ||= state.capabilities !== greeting.capabilities;
  state.capacityChanged ||= state.capacity !== greeting.capacity;
  state.hostProblemsChanged ||= state.hostProblems !== greeting.hostProblems;
  // A Hello says nothing of it: most of it stands in the certificate itself.
  state.renewal.changed = state.renewal.certificate !== undefined;
  state.dialling.failures = 0;
  state.dialling.redirected = false;
  state.dialling.at = undefined;
  state.dialling.hints = [];
  state.dialling.lastProblem = '';
  log(turn, 'info', 'session opened', { session: welcome.session, endpoint: candidate.endpoint, term });
  // Attempts that the Welcome does not name belong to no generation of this session, and lapse.
  for (const attempt of state.attempts.values()) attempt.isGranted = false;
  judgeAttempts(turn, welcome.verdicts);
  // The Welcome is the answer to heartbeat 0.
  if (greeting.stamp !== undefined) extendTo(turn, greeting.stamp, grantedAttempts(turn));
}

/** An agent belongs to one cluster for the life of its state directory: attempts of two would not know of each other's epochs. */
function clusterProblem(own: string, offered: string): string | undefined {
  if (offered === '') return 'it names no cluster';
  if (own === '' || own === offered) return undefined;
  return `it belongs to cluster ${offered}, and this state directory to cluster ${own}; to join the other one, run \`locum agent leave\` while this agent is connected to its own, or start it with another state directory`;
}

function openSession(turn: Turn, candidate: Candidate, greeting: Greeting, term: number, welcome: Welcome): Session {
  const { stamp, reportedUpTo } = greeting;
  return {
    stream: candidate.stream,
    endpoint: candidate.endpoint,
    id: welcome.session,
    term,
    generation: 1,
    sequence: 0,
    stamps: new Map(stamp === undefined ? [] : [[0, stamp]]),
    answered: 0,
    awaitingSince: undefined,
    // At once: it tells the leader that this session was taken, and what changed since the Hello.
    heartbeatAt: turn.now.mono,
    writable: candidate.writable,
    barred: false,
    moving: false,
    fullStateAfter: undefined,
    reportedUpTo,
  };
}

/** KEEP, ADOPT: grants extend it from now on. STOP: it is superseded or unwanted. What is not named stays as it is. */
function judgeAttempts(turn: Turn, verdicts: readonly Verdict[]): void {
  for (const verdict of verdicts) {
    const attempt = turn.state.attempts.get(keyOf(verdict));
    if (attempt === undefined) continue;
    switch (verdict.action) {
      case 'KEEP':
      case 'ADOPT':
        attempt.isGranted = true;
        break;
      case 'STOP':
        attempt.isGranted = false;
        beginStop(turn, attempt, 'STOPPED', verdict.reason);
        break;
    }
  }
}

function* grantedAttempts({ state }: Turn) {
  for (const attempt of state.attempts.values()) if (attempt.isGranted) yield attempt;
}

/** A command has been processed, whatever the answer: its generation is held, if none before it is missing. */
export function holdGeneration(session: Session, generation: number): void {
  if (generation === session.generation + 1) session.generation = generation;
}

/** Verdicts answer a full state and heal a gap: they name the generation outright. */
export function acceptVerdicts(
  turn: Turn,
  session: Session,
  answer: Extract<LeaderMessage, { kind: 'verdicts' }>,
): void {
  judgeAttempts(turn, answer.verdicts);
  session.generation = Math.max(session.generation, answer.generation);
  session.fullStateAfter = undefined;
}

/**
 * A2: extends every attempt of the generation, if it is the one that is held. An agent that holds another one extends nothing and
 * reports its full state; what is not in it lapses.
 */
export function acceptGrant(turn: Turn, session: Session, grant: Extract<LeaderMessage, { kind: 'grant' }>): void {
  const { sequence, generation } = grant;
  if (sequence > session.sequence) {
    log(turn, 'error', 'a grant for a heartbeat that was never sent', { sequence, sent: session.sequence });
    return;
  }
  const stamp = session.stamps.get(sequence);
  noteAnswer(session, sequence);
  if (generation !== session.generation) {
    reportOtherGeneration(turn, session, sequence, generation);
    return;
  }
  // Without a stamp the heartbeat is too old, or from before a doubt about the clock (A8): it says nothing about now.
  if (stamp !== undefined) extendTo(turn, stamp, grantedAttempts(turn));
}

function noteAnswer(session: Session, sequence: number): void {
  session.answered = Math.max(session.answered, sequence);
  if (session.awaitingSince === undefined) return;
  const next = session.stamps.get(session.answered + 1)?.mono ?? session.awaitingSince;
  session.awaitingSince = session.answered === session.sequence ? undefined : Math.max(session.awaitingSince, next);
}

/** Once for each heartbeat at most: grants under way may name the old generation until the verdicts arrive. */
function reportOtherGeneration(turn: Turn, session: Session, sequence: number, generation: number): void {
  if (session.fullStateAfter !== undefined && sequence <= session.fullStateAfter) return;
  log(turn, 'warn', 'the leader grants another generation', { granted: generation, held: session.generation });
  sendFullState(turn, session);
}

/** The session is over; what it granted runs on until its lease ends. */
export function endSession(turn: Turn, reason: string): void {
  const { state } = turn;
  if (state.session === undefined) return;
  log(turn, 'warn', 'session closed', { session: state.session.id, endpoint: state.session.endpoint, reason });
  for (const attempt of state.attempts.values()) attempt.isGranted = false;
  state.session = undefined;
  state.dialling.lastProblem = reason;
  planDial(turn);
}
