/** Why an attempt was not started, or a request not done. */
import type { HostProblem, HostProblemKind } from '../../shared/host-problem.ts';

export interface Refusal {
  readonly kind: 'refusal';
  /** One stable word, as listed at `Result.reason` in the proto. That of a host's problem is its kind. */
  readonly reason:
    | 'DEADLINE_PAST'
    | 'EPOCH_SPENT'
    | 'STOPPED'
    | 'LEAVING'
    | 'TABLE_FULL'
    | 'INVALID_REQUEST'
    | 'PROGRAM_NOT_FOUND'
    | 'PROGRAM_NOT_EXECUTABLE'
    | 'WORKING_DIRECTORY_NOT_FOUND'
    | 'USER_NOT_FOUND'
    | 'USER_NOT_PERMITTED'
    | 'SPAWN_FAILED'
    | 'NOT_FOUND'
    | 'NOT_ENDED'
    | HostProblemKind;
  /** In words, for people. */
  readonly detail: string;
}

export function refuse(reason: Refusal['reason'], detail: string): Refusal {
  return { kind: 'refusal', reason, detail };
}

/** Nothing can be started while the host has this problem. */
export const refuseFor = (problem: HostProblem): Refusal => refuse(problem.kind, problem.detail);
