/** What a server may still hold of an earlier life of the store, as its record keeps it (semantics C9). */
import type { Epoch, PolicyId, RunId } from '../../shared/ids.ts';

export interface EarlierLife {
  /** The place that it was then: only from there it can be said what is left. */
  readonly instanceId: string;
  readonly machineId: string;
  /** What lives there and is not known to this life of the store. */
  readonly attempts: readonly EarlierAttempt[];
}

export interface EarlierAttempt {
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly policy: PolicyId;
  readonly instanceId: string;
}
