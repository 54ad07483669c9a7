/**
 * How long a keeper stays: as long as there is an agent or anything that lives, and a while longer.
 *
 *     clearing ──► serving ──► leaving ──► ending ──► over
 *                     │ idle, or nothing to keep    ▲
 *                     └─────────────────────────────┘
 *
 * SIGTERM to the keeper is the host's shutdown, not the agent's: the agent is told and has a short time to drain and say Goodbye,
 * then whatever lives is stopped.
 */
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import { type Attempt, keeperTerms, keyOf, NO_PLACE } from './attempt.ts';
import { finish } from './end.ts';
import type { FromDriver, FromHost } from './event.ts';
import type { RecordedAttempt } from './record.ts';
import { killLeftover, killUnrecorded, stopTree } from './tree.ts';
import { attemptRecord, log, note, type Turn, wakeIn } from './turn.ts';

/** Of an attempt that no record names. Nothing but a kill is to come of it. */
const UNKNOWN_TERMS: FrozenTerms = { onDisconnect: 'STOP', leaseMs: 0, stopTimeoutMs: 0, killGuardMs: 0 };
/** How long leftovers may take to die before the keeper serves all the same, and reports them. */
const LEFTOVERS_MS = 5_000;
/** Beyond grace and guard of what is being stopped: then the keeper gives up. */
const GIVE_UP_AFTER_MS = 1_000;

/** A7: what an earlier keeper of this state directory left is killed before anybody is served; known ends are kept. */
export function begin(turn: Turn): void {
  const { state, now } = turn;
  state.phase = { kind: 'clearing', until: now.mono + LEFTOVERS_MS, swept: false };
  const left = [...state.leftovers.values()];
  state.leftovers = new Map();
  for (const recorded of left) {
    const attempt = leftover(recorded);
    state.attempts.set(keyOf(attempt), attempt);
    if (attempt.ended !== undefined) continue;
    state.living.set(keyOf(attempt), attempt);
    if (recorded.bootId === state.bootId) killLeftover(turn, attempt, { cause: 'LOST', detail: 'its keeper died' });
    else endWithItsBoot(turn, attempt);
  }
  if (state.living.size > 0) log(turn, 'warn', `an earlier keeper left ${[...state.living.keys()].join(', ')}`);
  turn.effects.push({ kind: 'sweep' });
}

/** Nothing of an earlier boot lives, so its place is not even looked for: it may be another's by now. */
function endWithItsBoot(turn: Turn, attempt: Attempt): void {
  attempt.place = NO_PLACE;
  attempt.reason = { cause: 'LOST', detail: 'the host was booted since' };
  finish(turn, attempt);
}

/**
 * What is left over of the sweep and no record names goes into the table as STUCK: it must not be missing in an inventory while it lives,
 * as that would prove it ended (semantics C3a), and its epoch is spent. What could not be looked at is looked at again; until then nobody
 * is served.
 */
export function acceptSwept(turn: Turn, { left, problem }: Extract<FromDriver, { kind: 'swept' }>): void {
  const { state, now, effects } = turn;
  if (state.phase.kind !== 'clearing') return;
  if (problem !== undefined) {
    log(turn, 'error', `what earlier keepers left can't be looked at: ${problem}`);
    effects.push({ kind: 'sweep' });
    return;
  }
  state.phase.swept = true;
  for (const { run, epoch, cgroup } of left) {
    if (state.attempts.has(keyOf({ run, epoch }))) continue;
    const attempt = leftover({
      ...{ run, epoch, policy: '', frozen: UNKNOWN_TERMS, slots: 1, deadline: now, bootId: state.bootId },
      ...{ place: { ...NO_PLACE, cgroup }, startWall: undefined, ended: undefined },
    });
    state.spent.spend(run, epoch);
    note(turn, { kind: 'spent', run, epoch });
    note(turn, attemptRecord(turn, attempt));
    state.attempts.set(keyOf(attempt), attempt);
    state.living.set(keyOf(attempt), attempt);
    killUnrecorded(turn, attempt, { cause: 'LOST', detail: 'its keeper died, and no record names it' });
  }
}

/** No child of ours, so there is nothing to reap. */
function leftover(recorded: RecordedAttempt): Attempt {
  const { run, epoch, policy, frozen, slots, deadline, place, outputRetention, startWall, ended } = recorded;
  return {
    ...{ run, epoch, policy, frozen, slots, deadline, place, outputRetention, startWall, ended },
    terms: keeperTerms(frozen),
    stage: { kind: 'running' },
    reason: undefined,
    exit: undefined,
    reaped: true,
    lookAt: undefined,
    looks: 0,
  };
}

/** SIGTERM or SIGINT. */
export function shutDown(turn: Turn, { withinMs }: Extract<FromHost, { kind: 'shutdown' }>): void {
  const { state, now, effects } = turn;
  const { agent, phase } = state;
  if (phase.kind === 'serving' && agent !== undefined) {
    state.phase = { kind: 'leaving', until: now.mono + withinMs };
    effects.push({ kind: 'tell_leaving', agent, withinMs });
    return;
  }
  // Nobody is served yet: leftovers are being killed, and the next keeper can go on with that.
  if (phase.kind === 'clearing') end(turn, 1);
  else endWhenEmpty(turn, 'the host shuts down');
}

/** Starts nothing more, and ends when nothing lives. With a reason, everything that lives is stopped now. */
export function endWhenEmpty(turn: Turn, stopReason: string | undefined): void {
  const { state, now } = turn;
  const living = [...state.living.values()];
  const longestMs = Math.max(0, ...living.map(({ terms }) => terms.stopTimeoutMs + terms.killGuardMs));
  // Told again, it ends no later: a service manager that repeats its SIGTERM would keep it for ever beside what can't be killed.
  const before = state.phase.kind === 'ending' ? state.phase.giveUpAt : undefined;
  const giveUpAt = stopReason === undefined ? before : (before ?? now.mono + longestMs + GIVE_UP_AFTER_MS);
  state.phase = { kind: 'ending', giveUpAt };
  if (stopReason === undefined) return;
  for (const attempt of living) stopTree(turn, attempt, { cause: 'STOPPED', detail: stopReason });
}

/** Called at the end of every step: moves on to the next phase if this one is over, else asks to be woken when it will be. */
export function settlePhase(turn: Turn): void {
  const { state, now, effects } = turn;
  const { phase } = state;
  const isEmpty = state.living.size === 0;
  switch (phase.kind) {
    case 'clearing':
      if (!phase.swept) return;
      if (!isEmpty && now.mono < phase.until) {
        wakeIn(turn, phase.until - now.mono);
        return;
      }
      if (!isEmpty) log(turn, 'error', `CAN NOT BE KILLED: ${[...state.living.keys()].join(', ')}`);
      state.phase = { kind: 'serving', idleSince: undefined };
      effects.push({ kind: 'serve' });
      settlePhase(turn);
      return;
    case 'serving':
      if (!isEmpty || state.agent !== undefined) phase.idleSince = undefined;
      else phase.idleSince ??= now.mono;
      if (phase.idleSince === undefined) return;
      if (now.mono - phase.idleSince >= state.idleMs) end(turn, 0);
      else wakeIn(turn, phase.idleSince + state.idleMs - now.mono);
      return;
    case 'leaving':
      // The agent has said Goodbye, or never will.
      if (state.agent === undefined || now.mono >= phase.until) {
        endWhenEmpty(turn, 'the host shuts down');
        settlePhase(turn);
      } else wakeIn(turn, phase.until - now.mono);
      return;
    case 'ending':
      if (isEmpty) end(turn, 0);
      else if (phase.giveUpAt !== undefined && now.mono >= phase.giveUpAt) {
        log(turn, 'error', 'something can not be killed: leaving it to the next keeper');
        end(turn, 1);
      } else if (phase.giveUpAt !== undefined) wakeIn(turn, phase.giveUpAt - now.mono);
      return;
    case 'over':
      return;
  }
}

function end(turn: Turn, code: 0 | 1): void {
  turn.state.phase = { kind: 'over' };
  turn.effects.push({ kind: 'end', code });
}
