/** An attempt on a model agent: what runs there, until when it may, and what is told about it. */
import type { PolicyId, RunId } from '../../../../shared/ids.ts';
import { epoch as epochOf } from '../../../../shared/ids.ts';
import type { AttemptStateName, EndCause, FrozenTerms, ReportedAttempt } from '../../../../shared/protocol/attempt.ts';
import type { ReportedHealth } from '../../../../shared/protocol/health-check.ts';

export interface ModelAttempt {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly epoch: number;
  readonly terms: FrozenTerms;
  state: AttemptStateName;
  pid: number;
  readonly startWall: number;
  endWall: number | undefined;
  endMono: number;
  /** D: past it a STOP attempt is stopped. */
  deadlineMono: number;
  /** Grants of the session extend it. */
  covered: boolean;
  health?: ReportedHealth;
  stopping: EndCause | undefined;
  end: { readonly cause: EndCause; readonly exitCode: number | undefined; readonly detail: string } | undefined;
}

export const keyOf = (one: { readonly run: string; readonly epoch: number }): string => `${one.run}/${one.epoch}`;

export const isAlive = (attempt: ModelAttempt): boolean => attempt.state !== 'ENDED';

export function reported(attempt: ModelAttempt): ReportedAttempt {
  const { run, policy, state, pid, startWall, endWall, end, health } = attempt;
  const ended = end === undefined ? undefined : { ...end, signal: '' };
  return {
    run,
    policy,
    epoch: epochOf(attempt.epoch),
    state,
    pid,
    startWall,
    endWall,
    end: ended,
    ...(health && { health }),
  };
}
