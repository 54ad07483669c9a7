/** Where a run stands, and the reasons that it can have there. */
import type { RunReason } from './run-reason.ts';

export type RunStateName =
  | 'QUEUED'
  | 'ASSIGNED'
  | 'STARTING'
  | 'RUNNING'
  | 'STOPPING'
  | 'FENCING'
  | 'STUCK'
  | 'BACKOFF'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'STOPPED';

/** It is over: nothing of it changes any more. */
export const isEnded = ({ state }: { readonly state: RunStateName }): boolean =>
  state === 'SUCCEEDED' || state === 'FAILED' || state === 'STOPPED';

const PLACED = ['START', 'RESTART', 'RECOVERY', 'MOVE', 'FAILBACK', 'DRAIN'] as const;

/** In the order in which they are shown. */
export const REASONS_IN = {
  QUEUED: [
    'NEW',
    'NO_ROOM',
    'UNSATISFIABLE',
    'STORE_BEHIND',
    'NEW_INCARNATION',
    'BACKOFF',
    'CAPABILITY_LOST',
    'DRAINED',
    'FAILED_HERE',
    'FAILED_ONCE',
    'HOST_REBOOTED',
    'LAPSED',
    'MOVING',
    'NOT_SENT',
    'REFUSED',
    'RESTARTING',
    'RUN_MISSING',
    'SERVER_MISSING',
    'START_EXPIRED',
    'START_LOST',
    'START_UNANSWERED',
    'STOPPED_BY_HOST',
  ],
  ASSIGNED: PLACED,
  STARTING: PLACED,
  RUNNING: PLACED,
  STOPPING: [
    'OPERATOR',
    'RESTART',
    'MOVE',
    'FAILBACK',
    'DRAIN',
    'DRAIN_DEADLINE',
    'CAPABILITY_LOST',
    'START_UNANSWERED',
  ],
  FENCING: ['SERVER_MISSING', 'SERVER_REPLACED', 'STORM', 'HOLD', 'OVERLAP'],
  STUCK: ['TREE_ALIVE'],
  BACKOFF: ['BACKOFF'],
  SUCCEEDED: ['EXITED'],
  FAILED: ['BUDGET_SPENT'],
  STOPPED: ['OPERATOR', 'POLICY_DELETED', 'MAX_CONCURRENT_RUNS'],
} as const satisfies Readonly<Record<RunStateName, readonly RunReason[]>>;

/** A reason that a run can have in this state. */
export type ReasonIn<S extends RunStateName> = (typeof REASONS_IN)[S][number];

/** A state with a reason that it can have. */
export type StateAndReason<S extends RunStateName = RunStateName> = {
  readonly [Name in S]: { readonly state: Name; readonly reason: ReasonIn<Name> };
}[S];

export type EndStateName = 'SUCCEEDED' | 'FAILED' | 'STOPPED';

export const isReasonIn = <S extends RunStateName>(state: S, reason: RunReason): reason is ReasonIn<S> =>
  (REASONS_IN[state] as readonly RunReason[]).includes(reason);

/**
 * Why a run is in the queue, of the reason that it has: what became of its last attempt. What it showed while the end of that was waited
 * for (FENCING, STUCK) is over, and says only that its server was of no use any more; so does a word that this controller does not know.
 */
export const queueReason = (reason: RunReason): ReasonIn<'QUEUED'> =>
  isReasonIn('QUEUED', reason) ? reason : 'SERVER_MISSING';
