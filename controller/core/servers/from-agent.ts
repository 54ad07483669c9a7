/** What agents say after their Hello: heartbeats, reports, answers, farewells. */

import { changeAttempt, SILENT } from '../cluster/change.ts';
import { attemptLiveOf, serverLiveOf, serverOf } from '../cluster/cluster.ts';
import type { FromAgent } from '../cluster/event.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import { endAttempt, openAttempt } from '../runs/attempt.ts';
import { settleEarlierLife } from '../runs/earlier-life.ts';
import { askFullState } from '../runs/full-state.ts';
import { isSamePlace } from '../runs/place.ts';
import { hello } from './hello.ts';
import { confirmAbsent, endAbsent, judgeInventory, observe, takeInventory } from './inventory.ts';
import { becomeAlive, becomeLeft } from './liveness.ts';
import { applyCapabilities, applyCapacity, applyProbeFailures } from './server-facts.ts';
import { noteHostRefusal, noteReported, noteStarted } from './server-gate.ts';
import { closeSession } from './session.ts';

type Said<K extends FromAgent['kind']> = Extract<FromAgent, { readonly kind: K }>;

export function fromAgent(turn: Turn, said: FromAgent): void {
  if (said.kind === 'hello') {
    hello(turn, said.conn, said.hello);
    return;
  }
  const session = turn.state.sessions.get(said.conn);
  // What a closed session still says has no place any more.
  if (session === undefined) return;
  // With its first message after the Welcome the agent has taken the session.
  const taken = session.phase === 'OPEN' && said.kind !== 'stream_closed';
  if (taken && session.absent.length > 0) confirmAbsent(turn, session);
  fromSession(turn, session, said);
  if (taken) settleEarlierLife(turn, session);
}

function fromSession(turn: Turn, session: Session, said: Exclude<FromAgent, { readonly kind: 'hello' }>): void {
  switch (said.kind) {
    case 'heartbeat':
      heartbeat(turn, session, said);
      return;
    case 'report':
      for (const reported of said.attempts) observe(turn, session, reported);
      return;
    case 'command_result':
      commandResult(turn, session, said);
      return;
    case 'full_state':
      fullState(turn, session, said);
      return;
    case 'goodbye':
      goodbye(turn, session, said);
      return;
    case 'stream_closed':
      closeSession(turn, session, undefined, false);
  }
}

/** The fast path: with nothing new it sets a few numbers and is covered by the next check. */
function heartbeat(turn: Turn, session: Session, said: Said<'heartbeat'>): void {
  if (said.sequence <= session.receivedSequence) return;
  const gap = said.sequence !== session.receivedSequence + 1;
  session.receivedSequence = said.sequence;
  const live = serverLiveOf(turn.state, session.server);
  live.lastHeartbeatMono = turn.now.mono;
  live.lastHeartbeatWall = turn.now.wall;
  turn.barrier.cover({ session, sequence: said.sequence, receivedMono: turn.now.mono });
  const server = serverOf(turn.state, session.server);
  if (server.liveness !== 'ALIVE') becomeAlive(turn, server);
  if (said.capacity !== undefined) applyCapacity(turn, server, said.capacity);
  if (said.capabilities !== undefined) {
    applyCapabilities(turn, server, said.capabilities);
    applyProbeFailures(turn, server, said.probeFailures);
  }
  if (said.hostProblems !== undefined) noteReported(turn, server, said.hostProblems);
  if (said.certificate !== undefined) live.certificate = said.certificate;
  if (gap) askFullState(turn, session, 'SEQUENCE_GAP');
  else if (said.generation > session.generation) askFullState(turn, session, 'GENERATION_AHEAD');
}

function commandResult(turn: Turn, session: Session, said: Said<'command_result'>): void {
  const command = session.unanswered.get(said.commandId);
  if (command === undefined) return;
  session.unanswered.delete(said.commandId);
  session.unansweredBytes -= command.bytes;
  if (command.kind === 'stop') return;
  const found = openAttempt(turn.state, command);
  if (found === undefined || !isSamePlace(found.attempt, session)) return;
  const { run, attempt } = found;
  if (said.outcome === 'APPLIED' || said.outcome === 'ALREADY_APPLIED') {
    attemptLiveOf(turn.state, attempt).startSentMono = undefined;
    turn.lookAtRun(run.id);
    noteStarted(turn, attempt.server);
    if (attempt.state.kind !== 'STARTING' || said.pid === 0) return;
    // Whoever looks at the run says that it is RUNNING.
    const startWall = attempt.state.startWall ?? turn.now.wall;
    changeAttempt(turn, run, attempt, { state: { kind: 'RUNNING', pid: said.pid, startWall } }, SILENT);
    return;
  }
  // Refused, expired or stale: the epoch is spent there, so this is the proof that it never runs (A3, C3a).
  const late = said.outcome !== 'REFUSED';
  const reason = said.reason === '' || late ? said.outcome : said.reason;
  endAttempt(turn, run, attempt, {
    cause: said.endCause ?? (late ? 'EXPIRED' : 'REFUSED'),
    exitCode: undefined,
    signal: '',
    proof: 'REFUSED',
    detail: said.detail === '' ? reason : `${reason}: ${said.detail}`,
    hostProblem: said.hostProblem,
  });
  if (said.hostProblem !== undefined) {
    noteHostRefusal(turn, attempt.server, { kind: said.hostProblem, detail: said.detail });
  }
}

function fullState(turn: Turn, session: Session, said: Said<'full_state'>): void {
  session.fullStateAsked = false;
  endAbsent(turn, session, takeInventory(turn, session, said.inventory, said.generation));
  const verdicts = judgeInventory(turn, session, said.inventory);
  turn.queueCommand(session, { kind: 'verdicts', verdicts });
}

/** Proof only for the attempts that it lists as ended (semantics 11). */
function goodbye(turn: Turn, session: Session, said: Said<'goodbye'>): void {
  for (const reported of said.attempts) {
    if (reported.state === 'ENDED') observe(turn, session, reported);
  }
  const server = serverOf(turn.state, session.server);
  closeSession(turn, session, undefined, true);
  becomeLeft(turn, server, said.reason);
}
