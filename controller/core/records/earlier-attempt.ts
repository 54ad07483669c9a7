/** What a server may still hold of an earlier life of the store, as its record keeps it (semantics C9). */
import type { Epoch, PolicyId, RunId } from '../../../shared/ids.ts';

export interface EarlierLife {
  /** The place that it was then: only from there it can be said what is left. */
  readonly instanceId: string;
  readonly machineId: string;
  /** What lives there and is not known to this life of the store; as many as are listed (`earlierAttempts` of the limits). */
  readonly attempts: readonly EarlierAttempt[];
  /** The state directory in which more lives than is listed; ANYWHERE: of several. Undefined: the list is whole. */
  readonly moreIn: string | undefined;
}

/** No inventory can say that nothing is left; an operator can. */
export const ANYWHERE = '';

export interface EarlierAttempt {
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly policy: PolicyId;
  readonly instanceId: string;
}
