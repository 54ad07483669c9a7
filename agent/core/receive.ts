/** Messages of a leader, judged by the stream they came on and their term before they are acted on. */
import { unreachable } from '../../shared/assert.ts';
import { followHint, giveUp } from './dial.ts';
import type { FromStream } from './event.ts';
import { nextHeartbeatAt } from './heartbeat.ts';
import { forgetAcknowledged, sendFullState } from './inventory.ts';
import { readOutput } from './output.ts';
import { heedAuthority } from './renewal.ts';
import { acceptGrant, acceptVerdicts, acceptWelcome, endSession } from './session.ts';
import { acceptStart } from './start.ts';
import type { Candidate, Session } from './state.ts';
import { acceptStop } from './stop.ts';
import type { Turn } from './turn.ts';

type Received = Extract<FromStream, { kind: 'received' }>;

export function receive(
  turn: Turn,
  received: Received,
  session: Session | undefined,
  candidate: Candidate | undefined,
): void {
  const { state } = turn;
  const { term } = received;
  // A3: a deposed leader, or a store of an earlier life: its stream is dropped, whatever it says.
  if (term < state.highestTerm) {
    drop(turn, candidate, `its term ${term} is below ${state.highestTerm}, the highest seen`);
  } else if (session !== undefined && term !== session.term && received.message.kind !== 'reconnect') {
    drop(turn, undefined, `a session of term ${session.term} says something for term ${term}`);
  } else if (session !== undefined) {
    obey(turn, session, received);
  } else if (candidate !== undefined) answerGreeting(turn, candidate, received);
}

function drop(turn: Turn, candidate: Candidate | undefined, problem: string): void {
  if (candidate !== undefined) {
    giveUp(turn, candidate, problem);
  } else if (turn.state.session !== undefined) {
    turn.effects.push({ kind: 'close_stream', stream: turn.state.session.stream, flush: false });
    endSession(turn, problem);
  }
}

/** Before its Welcome a stream may say only two things. */
function answerGreeting(turn: Turn, candidate: Candidate, { term, message }: Received): void {
  if (candidate.greeting !== undefined && message.kind === 'welcome') acceptWelcome(turn, candidate, term, message);
  else if (message.kind === 'reconnect') followHint(turn, { candidate, endpoint: candidate.endpoint }, message);
  else giveUp(turn, candidate, `protocol: ${message.kind} before a Welcome`);
}

function obey(turn: Turn, session: Session, { message }: Received): void {
  const { state } = turn;
  switch (message.kind) {
    case 'grant':
      acceptGrant(turn, session, message);
      break;
    case 'start':
      acceptStart(turn, session, message);
      break;
    case 'stop':
      acceptStop(turn, session, message);
      break;
    case 'ack':
      forgetAcknowledged(turn, message.attempts);
      break;
    case 'report_full_state':
      sendFullState(turn, session);
      break;
    case 'verdicts':
      acceptVerdicts(turn, session, message);
      break;
    case 'reconnect':
      followHint(turn, { candidate: undefined, endpoint: session.endpoint }, message);
      break;
    case 'read_output':
      readOutput(turn, session, message);
      break;
    case 'timers_changed':
      state.timers = message.timers;
      session.heartbeatAt = Math.min(session.heartbeatAt, nextHeartbeatAt(turn, turn.now.mono));
      break;
    case 'authority_notice':
      heedAuthority(turn, message);
      break;
    case 'welcome':
      drop(turn, undefined, 'protocol: a second Welcome');
      break;
    default:
      unreachable(message);
  }
}
