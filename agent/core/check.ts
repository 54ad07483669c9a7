/**
 * Health checks of what runs here: which one is due, and what follows from its answer. Only what changed is reported, and nothing is
 * stopped from here: what an unhealthy run costs is the leader's to decide. An agent that is cut off goes on checking, and tells what it
 * knows when it is back.
 */
import { type Attempt, bounded, keyOf, refOf } from './attempt.ts';
import type { FromHost } from './event.ts';
import { judgeCheck } from './health.ts';
import { changeStatus, log, type Turn } from './turn.ts';

/** Called at the end of every step: begins what is due. Two checks of one attempt never run side by side. */
export function checkWhatIsDue({ state, now, effects }: Turn): void {
  for (const attempt of state.attempts.values()) {
    const { health } = attempt;
    if (health === undefined || !isChecked(attempt)) continue;
    health.graceUntil ??= now.mono + health.check.graceMs;
    if (health.nextAt === undefined || now.mono < health.nextAt) continue;
    health.nextAt = undefined;
    const { probe, timeoutMs } = health.check;
    effects.push({ kind: 'check', attempt: refOf(attempt), probe, timeoutMs });
  }
}

/** Only what is to go on is worth a look. */
const isChecked = ({ status, stop }: Attempt): boolean => status.state === 'RUNNING' && stop === undefined;

/** The next time at which a check begins, monotonic; undefined: none does. */
export function nextCheckAt({ state }: Turn): number | undefined {
  let next: number | undefined;
  for (const attempt of state.attempts.values()) {
    const at = attempt.health?.nextAt;
    if (at !== undefined && isChecked(attempt)) next = Math.min(next ?? at, at);
  }
  return next;
}

/** A check has answered, or was given up. */
export function acceptChecked(turn: Turn, { attempt: ref, outcome }: Extract<FromHost, { kind: 'checked' }>): void {
  const { state, now } = turn;
  const attempt = state.attempts.get(keyOf(ref));
  const health = attempt?.health;
  if (attempt === undefined || health === undefined) return;
  health.nextAt = now.mono + health.check.intervalMs;
  // What was told to stop meanwhile may well answer no more.
  if (!isChecked(attempt)) return;
  const found = judgeCheck(health, outcome, now.mono);
  if (found === undefined || found.state === attempt.status.health?.state) return;
  const detail = bounded(found.detail);
  if (found.state === 'UNHEALTHY') log(turn, 'warn', 'a run is unhealthy', { ...refOf(attempt), detail });
  else log(turn, 'info', 'a run is healthy', { ...refOf(attempt) });
  changeStatus(turn, attempt, { ...attempt.status, health: { ...found, detail } });
}
