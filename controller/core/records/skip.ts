import type { ServerId } from '../../../shared/ids.ts';
import type { RunReason } from './run-reason.ts';

/** What came to nothing on a server, and until when the run avoids it for that (semantics 7). */
export interface Skip {
  readonly server: ServerId;
  /** Taken only if no other eligible server has room. 0: not avoided. */
  readonly untilAge: number;
  /** Not taken at all. 0: not paused. */
  readonly pausedUntilAge: number;
  /** Its restart budget is spent there. 0: it is not. */
  readonly triedUntilAge: number;
  /** Setbacks that are remembered. */
  readonly count: number;
  readonly lastAge: number;
  /** Of the last one. */
  readonly reason: RunReason;
}
