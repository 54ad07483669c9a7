/** Why an attempt was not started, or a request not done. */
import type { HostProblem } from '../../shared/host-problem.ts';
import type { KeeperRefusal } from '../../shared/protocol/start-refusal.ts';

export interface Refusal {
  readonly kind: 'refusal';
  /** Why not: of a start, or of a request to stop or forget. That of a host's problem is its kind. */
  readonly reason: KeeperRefusal | 'NOT_FOUND' | 'NOT_ENDED';
  /** In words, for people. */
  readonly detail: string;
}

export function refuse(reason: Refusal['reason'], detail: string): Refusal {
  return { kind: 'refusal', reason, detail };
}

/** Nothing can be started while the host has this problem. */
export const refuseFor = (problem: HostProblem): Refusal => refuse(problem.kind, problem.detail);
