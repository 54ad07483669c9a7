/**
 * The keeper as a state machine, in the shape of the controller's core: events go in one at a time with the time of their handling, and
 * `flush` answers what is to be done now, in order. What is due by the clocks before anything else, then the event; then whether to
 * stay, and the next wake-up.
 *
 * Before every event it checks all deadlines against the clock, so a late or flooded agent can never delay a kill.
 *
 * Who drives it (shared/host/core-loop.ts, and the simulator on virtual time) owes it this:
 * - events one at a time, each with the time at which it is handled, never the time at which it was sent;
 * - effects in order, before the next event; `terminate`, `kill`, `look`, `open_gate` and `prove_hands` at once, and their answers
 *   (`looked`, `hands`) as the next events. A kill that did nothing is told by a `look` that finds the tree alive, not by an error:
 *   the core tries again every second, and calls the attempt STUCK after K;
 * - every `write` with a number is answered by `written` with the same number, in a bounded time: taken, refused, or "not in time"
 *   (then with a problem, and whether it reaches the disk later does no harm);
 * - every `sweep` is answered by `swept`, in a bounded time;
 * - every `prepare` is answered by `prepared` or `not_prepared`, in a bounded time, unless a `discard` of it came first;
 * - every first process is told of once by `reaped`.
 * Nothing else is assumed: answers may come late, after the attempt has ended, and in any order.
 */
import { unreachable } from '../../shared/assert.ts';
import { sameProblems } from '../../shared/host-problem.ts';
import { isPast } from '../../shared/lease-clock.ts';
import type { Effect } from './effect.ts';
import type { Event, FromAgent, FromDriver, FromHost, KeeperNow } from './event.ts';
import { acceptAsk, acceptHands } from './requests.ts';
import { acceptNotPrepared, acceptPrepared, acceptWritten } from './start.ts';
import { type CoreOptions, createKeeper, type KeeperState } from './state.ts';
import { acceptSwept, begin, settlePhase, shutDown } from './stay.ts';
import { acceptLook, acceptReaped, lookAtAll } from './tree.ts';
import { log, type Turn } from './turn.ts';

export class Core {
  readonly #turn: Turn;

  constructor(options: CoreOptions, now: KeeperNow) {
    this.#turn = { state: createKeeper(options), now, effects: [] };
  }

  /** The state, for reading only. */
  get state(): KeeperState {
    return this.#turn.state;
  }

  /** Takes in one event. What follows leaves with the next flush, which comes before the next event. */
  step(event: Event, now: KeeperNow): void {
    const turn = this.#turn;
    if (turn.state.phase.kind === 'over') return;
    turn.now = now;
    // A4: before the event, whatever it is.
    if (isPast(turn.state.dueAt, now)) lookAtAll(turn);
    handle(turn, event);
  }

  /** What is to be done now, in order. `now` is that of the step before. */
  flush(now: KeeperNow): readonly Effect[] {
    const turn = this.#turn;
    turn.now = now;
    settlePhase(turn);
    askToBeWoken(turn);
    return turn.effects.splice(0, turn.effects.length);
  }
}

function handle(turn: Turn, event: Event): void {
  switch (event.kind) {
    case 'attached':
    case 'detached':
    case 'asked':
      handleAgent(turn, event);
      break;
    case 'written':
      acceptWritten(turn, event.write, event.problem);
      break;
    case 'prepared':
    case 'not_prepared':
    case 'reaped':
    case 'looked':
    case 'swept':
    case 'hands':
      handleDriver(turn, event);
      break;
    case 'begin':
    case 'tick':
    case 'host_problems':
    case 'shutdown':
      handleHost(turn, event);
      break;
    default:
      unreachable(event);
  }
}

function handleAgent(turn: Turn, event: FromAgent): void {
  const { state, effects } = turn;
  switch (event.kind) {
    case 'attached': {
      const { agent, description } = event;
      if (state.agent !== undefined) {
        effects.push({
          kind: 'disconnect',
          agent: state.agent,
          reason: `${description} attached in place of this one`,
        });
      }
      state.agent = agent;
      effects.push({ kind: 'tell_opened', agent });
      log(turn, 'info', `${description} attached`);
      if (state.phase.kind === 'leaving') {
        effects.push({ kind: 'tell_leaving', agent, withinMs: Math.max(0, state.phase.until - turn.now.mono) });
      }
      break;
    }
    case 'detached':
      if (state.agent !== event.agent) break;
      state.agent = undefined;
      log(turn, 'info', 'the agent is gone');
      break;
    case 'asked':
      acceptAsk(turn, event);
      break;
  }
}

function handleDriver(turn: Turn, event: FromDriver): void {
  const { living } = turn.state;
  switch (event.kind) {
    case 'prepared':
      acceptPrepared(turn, event.attempt, event.place);
      break;
    case 'not_prepared':
      acceptNotPrepared(turn, event.attempt, event.refusal);
      break;
    case 'reaped': {
      const attempt = living.get(event.attempt);
      if (attempt !== undefined) acceptReaped(turn, attempt, event.exit);
      break;
    }
    case 'looked': {
      const attempt = living.get(event.attempt);
      if (attempt !== undefined) acceptLook(turn, attempt, event);
      break;
    }
    case 'swept':
      acceptSwept(turn, event);
      break;
    case 'hands':
      acceptHands(turn, event.agent, event.problem);
      break;
  }
}

function handleHost(turn: Turn, event: FromHost): void {
  const { state, effects } = turn;
  switch (event.kind) {
    case 'begin':
      begin(turn);
      break;
    case 'tick':
      // The wake-up is used up, also when it came a little early: the next one is asked for in any case.
      state.wakeAt = Number.POSITIVE_INFINITY;
      break;
    case 'host_problems':
      if (sameProblems(state.problems, event.problems)) break;
      state.problems = event.problems;
      if (state.agent !== undefined) effects.push({ kind: 'tell_problems', agent: state.agent });
      break;
    case 'shutdown':
      shutDown(turn, event);
      break;
  }
}

/** Asked for only when it changed. */
function askToBeWoken({ state, now, effects }: Turn): void {
  if (state.phase.kind === 'over') return;
  const leftMs = Math.min(state.dueAt.mono - now.mono, state.dueAt.boot - now.boot);
  const atMono = now.mono + leftMs;
  if (atMono === Number.POSITIVE_INFINITY || Math.abs(atMono - state.wakeAt) < 0.01) return;
  state.wakeAt = atMono;
  effects.push({ kind: 'wake', atMono });
}
