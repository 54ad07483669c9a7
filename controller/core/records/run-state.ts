/** Where a run stands, and the reasons that it can have there. */
import type { RunReason, UNKNOWN_WORD } from './run-reason.ts';

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
    'UNHEALTHY',
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
    'UNHEALTHY',
  ],
  FENCING: ['SERVER_MISSING', 'SERVER_REPLACED', 'STORM', 'HOLD', 'OVERLAP'],
  STUCK: ['TREE_ALIVE'],
  BACKOFF: ['BACKOFF'],
  SUCCEEDED: ['EXITED'],
  FAILED: ['BUDGET_SPENT', 'TIME_LIMIT'],
  STOPPED: ['OPERATOR', 'POLICY_DELETED', 'MAX_CONCURRENT_RUNS', 'REPLACED'],
} as const satisfies Readonly<Record<RunStateName, readonly RunReason[]>>;

/** A reason that a run can have in this state. */
export type ReasonIn<S extends RunStateName> = (typeof REASONS_IN)[S][number];

export type EndStateName = 'SUCCEEDED' | 'FAILED' | 'STOPPED';
export type OpenStateName = Exclude<RunStateName, EndStateName>;

/** A state with a reason that it can have, and that in words. */
export type InState<S extends RunStateName> = {
  readonly [Name in S]: { readonly kind: Name; readonly reason: ReasonIn<Name>; readonly message: string };
}[S];

/** Of a record that a newer controller wrote, the word may be one that this one does not know. */
type MaybeUnknown<T extends { readonly reason: RunReason }> = T extends unknown
  ? Omit<T, 'reason'> & { readonly reason: T['reason'] | typeof UNKNOWN_WORD }
  : never;

/**
 * Where a run stands, why, and what is known of it there. A value, never changed: a new state takes the place of the whole
 * (docs/adr/0021-states-are-values.md).
 */
export type RunState = OpenState | EndedRunState;

export type OpenState = MaybeUnknown<InState<OpenStateName>> & {
  /** When the state is expected to end by itself. Undefined: unknown. */
  readonly etaWall: number | undefined;
};

/** It is over: nothing of the run changes any more. */
export type EndedRunState = MaybeUnknown<InState<EndStateName>> & { readonly endWall: number; readonly endAge: number };

export const isEndState = (kind: RunStateName): kind is EndStateName =>
  kind === 'SUCCEEDED' || kind === 'FAILED' || kind === 'STOPPED';

/** Undefined: it is not over. */
export const endOfRun = ({ state }: { readonly state: RunState }): EndedRunState | undefined =>
  'endAge' in state ? state : undefined;

/** Age of the cluster, in milliseconds, when it ended. 0: it has not. */
export const endAgeOf = (run: { readonly state: RunState }): number => endOfRun(run)?.endAge ?? 0;

/** When the state is expected to end by itself, wall time in milliseconds. Undefined: unknown, or it is over. */
export const etaOf = ({ state }: { readonly state: RunState }): number | undefined =>
  'etaWall' in state ? state.etaWall : undefined;

export const isEnded = (run: { readonly state: RunState }): boolean => endOfRun(run) !== undefined;

export const isReasonIn = <S extends RunStateName>(state: S, reason: RunReason): reason is ReasonIn<S> =>
  (REASONS_IN[state] as readonly RunReason[]).includes(reason);

/** Why a run is in the queue, where that comes from outside: with a word that none can have there, its server was of no use any more. */
export const queueReason = (reason: RunReason): ReasonIn<'QUEUED'> =>
  isReasonIn('QUEUED', reason) ? reason : 'SERVER_MISSING';
