/**
 * Which controller is dialled, and when (semantics: A10). An agent with leases to lose looks for another leader early and often,
 * and gives the old stream up only for a Welcome; an agent with nothing to lose takes its time, so that a crowd of them does not
 * knock a new leader over.
 */
import { assert } from '../../shared/assert.ts';
import { backoffMs } from '../../shared/backoff.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { isBoundByLease, isLiving } from './attempt.ts';
import { answerTimeoutMs, welcomeTimeoutMs } from './clock.ts';
import type { AgentState, Candidate } from './state.ts';
import { log, type Turn } from './turn.ts';

/** Ceiling of the first wait after a failure; it doubles up to the cap. */
const BACKOFF_BASE_MS = 100;
/** How long a connection may take. */
const CONNECT_LIMIT_MS = { urgent: SECOND, idle: 5 * SECOND };
/** Cap of the back-off while STOP attempts run, while only others run, and with nothing to lose. */
const BACKOFF_CAP_MS = { urgent: SECOND, holding: 5 * SECOND, idle: 30 * SECOND };
/** No controller may send an agent away for longer. */
const MAX_AFTER_MS = MINUTE;

const isUrgent = (state: AgentState): boolean => [...state.attempts.values()].some(isBoundByLease);

function backoffCapMs(state: AgentState): number {
  if (isUrgent(state)) return BACKOFF_CAP_MS.urgent;
  return [...state.attempts.values()].some(isLiving) ? BACKOFF_CAP_MS.holding : BACKOFF_CAP_MS.idle;
}

/**
 * Plans the next dial after a failure or the end of a session, with full jitter. The wait grows with the rounds through the list: that
 * one controller does not answer says nothing of the next.
 */
export function planDial({ state, now }: Turn, notBeforeMs = 0): void {
  const options = { baseMs: BACKOFF_BASE_MS, capMs: backoffCapMs(state) };
  const rounds = Math.floor(state.dialling.failures / state.endpoints.length);
  const waitMs = backoffMs(options, rounds, state.random.float());
  state.dialling.at = now.mono + Math.max(waitMs, notBeforeMs);
}

/** A10: a heartbeat went unanswered for too long. The stream may be dead without saying so, or its leader deposed. */
function isUnanswered({ session, timers }: AgentState, nowMono: number): boolean {
  return session?.awaitingSince !== undefined && nowMono - session.awaitingSince >= answerTimeoutMs(timers.leaseMs);
}

function wantsAnotherStream(state: AgentState, nowMono: number): boolean {
  const { session } = state;
  return session === undefined || session.barred || session.moving || isUnanswered(state, nowMono);
}

/** Called at the end of every step: dials when another stream is wanted and its time has come. */
export function keepConnected(turn: Turn): void {
  const { state, now } = turn;
  const { candidate } = state;
  if (candidate?.greeting !== undefined) {
    const limitMs = welcomeTimeoutMs(state.timers.leaseMs);
    if (now.mono - candidate.greeting.since >= limitMs) giveUp(turn, candidate, 'the Hello was not answered in time');
  } else if (candidate !== undefined && !wantsAnotherStream(state, now.mono)) {
    // The old stream answers again, and no inventory has left on the new one yet.
    turn.effects.push({ kind: 'close_stream', stream: candidate.stream, flush: false });
    state.candidate = undefined;
  }
  // A7: no Hello before the inventory, so nothing to dial for.
  if (state.candidate !== undefined || state.keeper.kind !== 'live') return;
  if (!wantsAnotherStream(state, now.mono)) {
    state.dialling.at = undefined;
    state.dialling.failures = 0;
    return;
  }
  state.dialling.at ??= now.mono;
  if (now.mono >= state.dialling.at) dial(turn);
}

function dial(turn: Turn): void {
  const { state, now } = turn;
  const endpoint = takeEndpoint(state, now.mono);
  state.lastStream += 1;
  state.candidate = { stream: state.lastStream, endpoint, greeting: undefined, writable: true };
  state.dialling.at = undefined;
  const limitMs = isUrgent(state) ? CONNECT_LIMIT_MS.urgent : CONNECT_LIMIT_MS.idle;
  turn.effects.push({ kind: 'dial', stream: state.lastStream, endpoint, limitMs });
}

/**
 * Hints first, each once; then the own list, in its order, for ever. Only the first try passes over a controller that has fallen
 * silent: a stopped process is connected to by its kernel, and would cost a whole connect limit. It gets its turn, for the silence may
 * be that of one connection.
 */
function takeEndpoint(state: AgentState, nowMono: number): string {
  const { dialling, endpoints, session } = state;
  const [hint, ...rest] = dialling.hints;
  if (hint !== undefined) {
    dialling.hints = rest;
    return hint;
  }
  const isSilent = isUnanswered(state, nowMono) && session?.endpoint === endpoints[dialling.next];
  if (isSilent && dialling.failures === 0) dialling.next = (dialling.next + 1) % endpoints.length;
  const endpoint = endpoints[dialling.next];
  assert(endpoint !== undefined, 'an agent has at least one endpoint');
  dialling.next = (dialling.next + 1) % endpoints.length;
  return endpoint;
}

/** The candidate came to nothing: the next endpoint is tried after a wait. */
export function noteFailure(turn: Turn, candidate: Candidate, problem: string, notBeforeMs = 0): void {
  const { state } = turn;
  const changed = state.dialling.lastProblem !== problem;
  state.candidate = undefined;
  state.dialling.failures += 1;
  state.dialling.redirected = false;
  state.dialling.lastProblem = problem;
  planDial(turn, notBeforeMs);
  // The same problem again and again is one line in the log, not a thousand.
  log(turn, changed ? 'warn' : 'debug', 'no session with a controller', { endpoint: candidate.endpoint, problem });
}

/** Drops a candidate by our own decision. */
export function giveUp(turn: Turn, candidate: Candidate, problem: string, notBeforeMs = 0): void {
  turn.effects.push({ kind: 'close_stream', stream: candidate.stream, flush: false });
  noteFailure(turn, candidate, problem, notBeforeMs);
}

/** A controller that this agent must not work for. Nothing gets better by asking it often. */
export function refuseController(turn: Turn, candidate: Candidate, problem: string): void {
  giveUp(turn, candidate, `refused: ${problem}`, Math.min(5 * SECOND, backoffCapMs(turn.state)));
}

/** A controller names better endpoints. On a session, it goes on until another stream has its Welcome. */
export function followHint(
  turn: Turn,
  from: { readonly candidate: Candidate | undefined; readonly endpoint: string },
  reconnect: Extract<LeaderMessage, { kind: 'reconnect' }>,
): void {
  const { state, now } = turn;
  const { endpoints, afterMs, reason } = reconnect;
  log(turn, 'info', 'a controller asks to connect elsewhere', {
    endpoint: from.endpoint,
    to: endpoints.join(' '),
    reason,
  });
  // An agent with leases to lose does not wait longer than its own back-off would.
  const waitMs = Math.min(afterMs, MAX_AFTER_MS, isUrgent(state) ? BACKOFF_CAP_MS.urgent : MAX_AFTER_MS);
  state.dialling.hints = endpoints.length === 0 ? [from.endpoint] : endpoints;
  if (from.candidate === undefined) {
    if (state.session !== undefined) state.session.moving = true;
    state.dialling.at = now.mono + waitMs;
    return;
  }
  turn.effects.push({ kind: 'close_stream', stream: from.candidate.stream, flush: false });
  state.candidate = undefined;
  // A hint is followed at once, but not one after the other: two controllers that point at each other are not chased in a circle.
  state.dialling.at = now.mono + waitMs;
  if (state.dialling.redirected) planDial(turn, waitMs);
  state.dialling.redirected = true;
  state.dialling.failures += 1;
  state.dialling.lastProblem = `redirected by ${from.endpoint}: ${reason}`;
}

/** When keepConnected has something to do by itself, monotonic; undefined: never. */
export function nextDialCheck({ state }: Turn): number | undefined {
  const { candidate, session, dialling, timers, keeper } = state;
  if (candidate?.greeting !== undefined) return candidate.greeting.since + welcomeTimeoutMs(timers.leaseMs);
  if (candidate !== undefined || keeper.kind !== 'live') return undefined;
  if (dialling.at !== undefined) return dialling.at;
  return session?.awaitingSince === undefined ? undefined : session.awaitingSince + answerTimeoutMs(timers.leaseMs);
}
