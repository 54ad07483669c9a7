import type { ServerId } from '../../../shared/ids.ts';
import type { Capability, Requirement } from '../records/capability.ts';

/** What placement knows about a server. */
export interface ServerFacts {
  /** In the available list: ALIVE, ACTIVE, OK and AVAILABLE (see `takesPlacements`). */
  readonly available: boolean;
  /** Effective limit minus attempts not proven ended minus reservations. Negative while over capacity. */
  readonly freeSlots: number;
  /** Compared by identity: pass the same array as long as nothing in it changed, and never change it in place. */
  readonly capabilities: readonly Capability[];
}

/** One placement to decide (docs/semantics.md, section 8). */
export interface PlacementQuery {
  /** The policy's own servers, best first. Unset or empty: the pool's order. Ids that are not registered are passed over. */
  readonly list?: readonly ServerId[] | undefined;
  /** ONLY: never outside `list`. PREFER: then the rest in pool order. Without a list both mean the pool's order. */
  readonly mode: 'ONLY' | 'PREFER';
  /** All must hold. */
  readonly requirements: readonly Requirement[];
  /** Slots it takes. */
  readonly slots: number;
  /**
   * Taken only if no other eligible server has room (semantics, section 7: setbacks, failures), the one in front first: whose skip is
   * oldest. By rank it would be the sick one again and again.
   */
  readonly skip: readonly ServerId[];
  /** Never taken in this placement: the run pauses there after a setback, or moves away from it. */
  readonly exclude: readonly ServerId[];
  /** Tried before all others, if it is in the effective list: the server of a LAPSED run. */
  readonly first?: ServerId | undefined;
  /** Servers that gather slots for another run: never taken. */
  readonly claimed: readonly ServerId[];
}
