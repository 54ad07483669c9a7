/** The states of an attempt, each with what is known in it, and the proof of its end. */
import type { ReportedEnd } from '../../../shared/protocol/attempt.ts';

/**
 * Where an attempt stands, and what is known of it there. A value, never changed: a new state takes the place of the whole
 * (docs/adr/0021-states-are-values.md).
 */
export type AttemptState = AssignedState | HeldState | EndedState;

/** Only the leader knows of it yet. */
export interface AssignedState {
  readonly kind: 'ASSIGNED';
}

/** Its agent has it, or is about to. STUCK: its process tree can not be killed. */
export interface HeldState {
  readonly kind: 'STARTING' | 'RUNNING' | 'STOPPING' | 'STUCK';
  /** 0: not told yet. */
  readonly pid: number;
  /** When its process was started; undefined: not told yet. */
  readonly startWall: number | undefined;
}

/** Final. */
export interface EndedState {
  readonly kind: 'ENDED';
  readonly end: AttemptEnd;
  /** Undefined: it never ran, or nobody told. */
  readonly startWall: number | undefined;
  readonly endWall: number;
}

/** Undefined: it is not proven ended. */
export const endOf = ({ state }: { readonly state: AttemptState }): AttemptEnd | undefined =>
  state.kind === 'ENDED' ? state.end : undefined;

/** When its process was started, as far as it was told. */
export const startWallOf = ({ state }: { readonly state: AttemptState }): number | undefined =>
  state.kind === 'ASSIGNED' ? undefined : state.startWall;

/** What proves an attempt ended (semantics C3). */
export type Proof =
  | 'REPORT' // (a) the agent of the same place reports it ended with an empty tree
  | 'REFUSED' // (a) the agent refused its start
  | 'INVENTORY' // (a) a full inventory of the same place does not list it
  | 'NEW_BOOT' // (a) the same place said Hello with a new boot
  | 'NEVER_SENT' // this leader never handed its start to a stream
  | 'WAIT' // (b) the takeover wait passed since its last grant
  | 'OPERATOR' // (d) ConfirmServerDead or ReleaseRun
  | 'OVERLAP'; // none needed: OVERLAP, after missing_after

export interface AttemptEnd extends ReportedEnd {
  readonly proof: Proof;
}
