/** Attempts as the agent knows them, and what may be said of them. */
import type { Epoch, RunId } from '../../shared/ids.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type {
  AttemptRef,
  AttemptStateName,
  FrozenTerms,
  ReportedAttempt,
  ReportedEnd,
} from '../../shared/protocol/attempt.ts';
import type { Health } from './health.ts';

export interface Attempt {
  status: ReportedAttempt;
  readonly terms: FrozenTerms;
  readonly slots: number;
  /** D, as the keeper acknowledged it (semantics: A9). */
  deadline: Deadline;
  /** It belongs to the generation that is held: grants of the current session extend it (semantics: A2). */
  isGranted: boolean;
  /** Set once a stop has begun, which nothing undoes (semantics: A5). */
  stop: { readonly cause: 'STOPPED' | 'LAPSED'; readonly reason: string } | undefined;
  /** After a sign of a stopped clock: it is stopped at this monotonic time unless a later heartbeat is granted (semantics: A8). */
  doubtUntil: number | undefined;
  /** Below the cgroup2 mount; empty: a process group, or not known yet. */
  cgroup: string;
  /** When its first process started, in clock ticks since boot; 0: not known. */
  startTicks: number;
  /** Its start is not answered yet: the answer goes before any report. */
  starting: boolean;
  /** How far its health checks are. Undefined: it has none. */
  readonly health: Health | undefined;
  /** Number of its last change (AgentState.changes). */
  change: number;
}

export const attemptKey = (run: RunId, epoch: Epoch): string => `${run}@${epoch}`;

export const keyOf = ({ run, epoch }: AttemptRef): string => attemptKey(run, epoch);

export const refOf = ({ status }: Attempt): AttemptRef => ({ run: status.run, epoch: status.epoch });

/** Its tree may have a process. */
export const isLiving = ({ status }: Attempt): boolean => status.state !== 'ENDED';

/** It ends with its lease: the deadline of HOLD and OVERLAP attempts binds their start only (semantics: A2). */
export const isBoundByLease = (attempt: Attempt): boolean => isLiving(attempt) && attempt.terms.onDisconnect === 'STOP';

/** Its lease can still run out: nothing has begun to stop it. */
export const mayLapse = (attempt: Attempt): boolean => isBoundByLease(attempt) && attempt.stop === undefined;

/** Details are for people and come from the outside, such as from the operating system; messages are bounded. */
const MAX_DETAIL = 256;

export const bounded = (detail: string): string =>
  detail.length <= MAX_DETAIL ? detail : `${detail.slice(0, MAX_DETAIL - 1)}…`;

/** The status of an attempt that has ended. `detail` is cut to a bounded length. */
export function endedStatus(
  status: ReportedAttempt,
  { cause, detail, hostProblem }: Pick<ReportedEnd, 'cause' | 'detail' | 'hostProblem'>,
  endWall: number,
): ReportedAttempt {
  const state: AttemptStateName = 'ENDED';
  return {
    ...status,
    state,
    endWall,
    end: { cause, exitCode: undefined, signal: '', detail: bounded(detail), hostProblem },
  };
}
