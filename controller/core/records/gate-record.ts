/** What a server's record says of its gate: whether the controller, by its own judgement, gives it new runs (semantics 8). */
import type { HostProblem } from '../../../shared/host-problem.ts';

export interface ServerGate {
  /** What keeps every start there from succeeding, as its agent says or as a refusal showed. Empty: nothing is known. */
  readonly problems: readonly HostProblem[];
  /** It has problems. Undefined: it has none. */
  readonly probation: Probation | undefined;
  /** It went missing too often. Kept when it is over, so that the next one is longer. Undefined: there was none lately. */
  readonly quarantine: Quarantine | undefined;
  /** When it was called MISSING within the last hour, oldest first. */
  readonly missingAges: readonly number[];
}

export interface Probation {
  /**
   * REPORTED: its agent says so, and will say when it is over. PAUSED: a start was refused, and nothing is tried until `untilAge`.
   * TRIAL: one start at a time is tried, and the first that succeeds ends it.
   */
  readonly phase: 'REPORTED' | 'PAUSED' | 'TRIAL';
  readonly sinceWall: number;
  /** Of PAUSED; else 0. */
  readonly untilAge: number;
  /** Pauses so far; sets the length of the next one. */
  readonly rounds: number;
}

export interface Quarantine {
  /** AWAY: it is still missing, and its time counts from its return. */
  readonly phase: 'AWAY' | 'CLOSED' | 'OVER';
  readonly sinceWall: number;
  /** Of CLOSED and OVER; else 0. */
  readonly untilAge: number;
  /** From 1; sets the length. */
  readonly rounds: number;
}

export const OPEN_GATE: ServerGate = { problems: [], probation: undefined, quarantine: undefined, missingAges: [] };

/** It is on probation, or in a quarantine that is not over. */
export const isClosedGate = ({ probation, quarantine }: ServerGate): boolean =>
  probation !== undefined || (quarantine !== undefined && quarantine.phase !== 'OVER');
