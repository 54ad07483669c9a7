/**
 * The agent as a state machine, in the shape of the controller's core: events go in one at a time with the time of their handling, and
 * `flush` answers what is to be done now, in order. Leases before anything else, then the event; then what the new state asks for by
 * itself: stops, reports, a heartbeat, a dial, a look at the keeper, a new certificate, and the next wake-up.
 */
import { unreachable } from '../../shared/assert.ts';
import { leftMs } from '../../shared/lease-clock.ts';
import { mayLapse } from './attempt.ts';
import { acceptChecked, checkWhatIsDue, nextCheckAt } from './check.ts';
import type { AgentNow } from './clock.ts';
import { keepConnected, nextDialCheck, noteFailure } from './dial.ts';
import type { Effect } from './effect.ts';
import type { Event, FromHost, FromKeeper, FromStream } from './event.ts';
import { beatWhenDue } from './heartbeat.ts';
import { tellHostProblems } from './host-problems.ts';
import { reportChanges } from './inventory.ts';
import {
  acceptChange,
  acceptKilled,
  acceptOutput,
  acceptPong,
  acceptResult,
  adoptTable,
  loseKeeper,
  nextKeeperCheck,
  openKeeper,
  watchKeeper,
} from './keeper.ts';
import { nextDeadline, stopLapsed } from './lease.ts';
import { beginLeave, detach, goOnLeaving, nextLeaveCheck } from './leave.ts';
import { noticePause } from './pause.ts';
import { receive } from './receive.ts';
import { acceptRenewal, nextRenewalCheck, renewWhenDue, takeCertificate } from './renewal.ts';
import { endSession, greet } from './session.ts';
import { type AgentState, type CoreOptions, createAgent } from './state.ts';
import type { Turn } from './turn.ts';

export class Core {
  readonly #turn: Turn;

  constructor(options: CoreOptions, now: AgentNow) {
    this.#turn = { state: createAgent(options, now), now, effects: [] };
  }

  /** The state, for reading only. */
  get state(): AgentState {
    return this.#turn.state;
  }

  /** Takes in one event. What follows leaves with the next flush, which comes before the next event. */
  step(event: Event, now: AgentNow): void {
    const turn = this.#turn;
    if (turn.state.exited) return;
    turn.now = now;
    // A4, A8: before the event, whatever it is.
    noticePause(turn);
    stopLapsed(turn);
    handle(turn, event);
  }

  /** What is to be done now, in order. `now` is that of the step before. */
  flush(now: AgentNow): readonly Effect[] {
    const turn = this.#turn;
    turn.now = now;
    if (!turn.state.exited) followUp(turn);
    return turn.effects.splice(0, turn.effects.length);
  }
}

function followUp(turn: Turn): void {
  reportChanges(turn);
  tellHostProblems(turn);
  beatWhenDue(turn);
  goOnLeaving(turn);
  if (turn.state.exited) return;
  watchKeeper(turn);
  checkWhatIsDue(turn);
  keepConnected(turn);
  renewWhenDue(turn);
  askToBeWoken(turn);
}

function handle(turn: Turn, event: Event): void {
  switch (event.kind) {
    case 'connected':
    case 'received':
    case 'writable':
    case 'closed':
      handleStream(turn, event);
      break;
    case 'keeper_opened':
    case 'keeper_closed':
    case 'keeper_changed':
    case 'keeper_result':
    case 'keeper_pong':
    case 'keeper_output':
    case 'keeper_leaving':
    case 'trees_killed':
      handleKeeper(turn, event);
      break;
    case 'begin':
    case 'tick':
    case 'capabilities':
    case 'capacity':
    case 'host_problems':
    case 'checked':
    case 'certificate':
    case 'renewal':
    case 'leave':
    case 'detach':
      handleHost(turn, event);
      break;
    default:
      unreachable(event);
  }
}

function handleStream(turn: Turn, event: FromStream): void {
  const { state } = turn;
  const session = state.session?.stream === event.stream ? state.session : undefined;
  const candidate = state.candidate?.stream === event.stream ? state.candidate : undefined;
  // A stream that was given up: what it still says is not read (A7).
  if (session === undefined && candidate === undefined) return;
  switch (event.kind) {
    case 'connected':
      if (candidate !== undefined && state.keeper.kind === 'live') greet(turn, candidate);
      else if (candidate !== undefined) dropUngreeted(turn, candidate.stream);
      break;
    case 'received':
      receive(turn, event, session, candidate);
      break;
    case 'writable':
      if (session !== undefined) session.writable = event.writable;
      if (candidate !== undefined) candidate.writable = event.writable;
      break;
    case 'closed':
      if (session !== undefined) endSession(turn, event.reason);
      if (candidate !== undefined) noteFailure(turn, candidate, event.reason);
      break;
  }
}

/** A7: the keeper went away while the stream was being opened, so there is no inventory to say Hello with. */
function dropUngreeted({ state, effects }: Turn, stream: number): void {
  effects.push({ kind: 'close_stream', stream, flush: false });
  state.candidate = undefined;
}

function handleKeeper(turn: Turn, event: FromKeeper): void {
  switch (event.kind) {
    case 'keeper_opened':
      adoptTable(turn, event);
      break;
    case 'keeper_closed':
      loseKeeper(turn, event.detail);
      break;
    case 'keeper_changed':
      acceptChange(turn, event.attempt);
      break;
    case 'keeper_result':
      acceptResult(turn, event);
      break;
    case 'keeper_pong':
      acceptPong(turn);
      break;
    case 'keeper_output':
      acceptOutput(turn, event);
      break;
    case 'keeper_leaving':
      beginLeave(turn, 'SHUTDOWN', event.withinMs);
      break;
    case 'trees_killed':
      acceptKilled(turn, event);
      break;
  }
}

function handleHost(turn: Turn, event: FromHost): void {
  const { state } = turn;
  switch (event.kind) {
    case 'begin':
      openKeeper(turn);
      break;
    case 'tick':
      // The wake-up is used up, also when it came a little early: the next one is asked for in any case.
      state.wakeAt = Number.POSITIVE_INFINITY;
      break;
    case 'capabilities':
      state.capabilities = event.capabilities;
      state.probeFailures = event.probeFailures ?? [];
      state.capabilitiesChanged = true;
      break;
    case 'capacity':
      state.capacity = event.capacity;
      state.capacityChanged = true;
      break;
    case 'host_problems':
      state.foundProblems = event.problems;
      break;
    case 'checked':
      acceptChecked(turn, event);
      break;
    case 'certificate':
      takeCertificate(turn, event.certificate);
      break;
    case 'renewal':
      acceptRenewal(turn, event.outcome);
      break;
    case 'leave':
      beginLeave(turn, event.reason, event.withinMs);
      break;
    case 'detach':
      detach(turn);
      break;
  }
}

/** The earliest time at which something happens without an event. Asked for only when it changed. */
function askToBeWoken(turn: Turn): void {
  const { state, now } = turn;
  const deadline = nextDeadline(turn);
  // As `stopLapsed` sees it: what has ended needs no look, and would be due for ever.
  const doubts = [...state.attempts.values()].map((attempt) => (mayLapse(attempt) ? attempt.doubtUntil : undefined));
  const times = [
    state.session?.heartbeatAt,
    deadline === undefined ? undefined : now.mono + Math.max(0, leftMs(deadline, now)),
    nextKeeperCheck(turn),
    nextDialCheck(turn),
    nextLeaveCheck(turn),
    nextCheckAt(turn),
    nextRenewalCheck(turn),
    ...doubts,
  ];
  const atMono = Math.min(...times.filter((at) => at !== undefined));
  if (atMono === state.wakeAt || atMono === Number.POSITIVE_INFINITY) return;
  state.wakeAt = atMono;
  turn.effects.push({ kind: 'wake', atMono });
}
