/**
 * Pauses of the agent, its host or its clock (semantics: A8). Looked for at the begin of every step, in the gap to the last one.
 *
 * A pause that some clock counted needs no cure: whatever is past its deadline is stopped by the check that follows. A pause that
 * no clock counted, as of a frozen and resumed virtual machine, shows only in the wall clock once the host has set it right; and,
 * where the platform tells, in the generation of the virtual machine.
 */

import { elapsedMs } from '../../shared/lease-clock.ts';
import { SECOND } from '../../shared/time.ts';
import { mayLapse } from './attempt.ts';
import { log, type Turn } from './turn.ts';

/** A wake-up that comes this late was a pause. */
const PAUSE_MS = SECOND;
/** The wall clock ran ahead of the longest of the other clocks by more than this: they may have stood still. */
const WALL_STEP_MS = 2 * SECOND;
/** How long a heartbeat that was stamped after the step may take to be granted. */
const CONFIRM_MS = 2 * SECOND;

export function noticePause(turn: Turn): void {
  const { state, now } = turn;
  const last = state.lastNow;
  const elapsed = elapsedMs(last, now);
  const wallStep = now.wall - last.wall - elapsed;
  const late = Math.max(now.mono - state.wakeAt, now.boot - last.boot - (now.mono - last.mono));
  const { vmGeneration = last.vmGeneration } = now;
  const restored = last.vmGeneration !== undefined && vmGeneration !== last.vmGeneration;
  state.lastNow = { mono: now.mono, boot: now.boot, wall: now.wall, vmGeneration };
  if (restored) {
    doubtClock(turn, 'the virtual machine was restored or moved: its clocks may have stood still', {});
    proveLife(turn);
  } else if (wallStep > WALL_STEP_MS) {
    const stepMs = Math.round(wallStep);
    doubtClock(turn, 'the wall clock stepped forward: the other clocks may have stood still', { stepMs });
    proveLife(turn);
  } else if (late > PAUSE_MS) {
    log(turn, 'warn', 'the agent or its host was paused', { forMs: Math.round(late) });
    proveLife(turn);
  }
}

/**
 * What was stamped before the sign is worth nothing: the leader may have counted a pause that the stamps do not know. Every
 * attempt that is bound by its lease is stopped soon unless a heartbeat stamped from now on is granted.
 */
function doubtClock(turn: Turn, sign: string, figures: Readonly<Record<string, number>>): void {
  const { state, now } = turn;
  state.clockEra += 1;
  state.session?.stamps.clear();
  if (state.candidate?.greeting !== undefined) state.candidate.greeting.stamp = undefined;
  log(turn, 'warn', sign, figures);
  for (const attempt of state.attempts.values()) {
    if (mayLapse(attempt)) attempt.doubtUntil ??= now.mono + CONFIRM_MS;
  }
}

/** Sends a heartbeat at once, and holds no silence against anybody who could not be heard during the pause. */
function proveLife({ state, now }: Turn): void {
  const { session, candidate, keeper } = state;
  if (session !== undefined) {
    session.heartbeatAt = now.mono;
    if (session.awaitingSince !== undefined) session.awaitingSince = now.mono;
  }
  if (candidate?.greeting !== undefined) candidate.greeting.since = now.mono;
  if (keeper.kind === 'live' && keeper.pingedAt !== undefined) keeper.pingedAt = now.mono;
  if (keeper.kind === 'lost') keeper.since = now.mono;
}
