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

const PLACED: readonly RunReason[] = ['START', 'RESTART', 'RECOVERY', 'MOVE', 'FAILBACK', 'DRAIN'];

/** In the order in which they are shown. */
export const REASONS_IN: Readonly<Record<RunStateName, readonly RunReason[]>> = {
  QUEUED: [
    'NEW',
    'NO_ROOM',
    'UNSATISFIABLE',
    'STORE_BEHIND',
    'NEW_INCARNATION',
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
};
