/**
 * A health check: a program that runs beside an attempt, in its place. It is one of the attempt's own tree, so whatever ends the attempt
 * ends it as well, and nothing of it outlives the proof that the attempt has ended.
 */
import { closeSync, openSync } from 'node:fs';
import { messageOf } from '../../../shared/caught-error.ts';
import type { CheckAnswer } from '../driver.ts';
import { openGate } from './gate.ts';
import type { LaunchPlan } from './launch-plan.ts';

const OK: CheckAnswer = { ok: true, reason: '', detail: '' };
const failed = (detail: string): CheckAnswer => ({ ok: false, reason: 'FAILED', detail });

export interface RunningCheck {
  /** How it went. Never rejects. */
  readonly answer: Promise<CheckAnswer>;
  /** Kills it, now or as soon as there is something to kill. */
  kill(): void;
}

/** `cgroup`: absolute path; empty: none. */
export function beginCheck(plan: LaunchPlan, cgroup: string, limitMs: number): RunningCheck {
  const giveUp = new AbortController();
  return {
    answer: run(plan, cgroup, limitMs, giveUp).catch((error: unknown) => failed(messageOf(error))),
    kill: () => giveUp.abort(),
  };
}

async function run(plan: LaunchPlan, cgroup: string, limitMs: number, giveUp: AbortController): Promise<CheckAnswer> {
  const nowhere = openSync('/dev/null', 'w');
  const timer = setTimeout(() => giveUp.abort(), limitMs);
  try {
    const gate = await openGate(plan, cgroup, nowhere);
    // All of its session: a check that is a script may have begun something.
    const kill = (): void => killGroup(gate.pid);
    if (giveUp.signal.aborted) kill();
    giveUp.signal.addEventListener('abort', kill);
    const ready = await gate.ready;
    if (ready !== true) {
      kill();
      return giveUp.signal.aborted ? late(limitMs) : failed(ready.detail);
    }
    gate.go();
    const { code, signal } = await gate.ended;
    // What it left behind holds nobody up: it is of the attempt's tree.
    kill();
    if (code === 0) return OK;
    if (giveUp.signal.aborted) return late(limitMs);
    return failed(code === undefined ? `the check was ended by ${signal}` : `the check ended with exit code ${code}`);
  } finally {
    clearTimeout(timer);
    closeSync(nowhere);
  }
}

const late = (limitMs: number): CheckAnswer => failed(`the check did not end within ${limitMs} ms`);

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
