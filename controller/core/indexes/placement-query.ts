/** What is asked when a run is placed, and what is known of a server for it. */
import type { ServerId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import type { Requirement } from '../records/capability.ts';

/** What placement knows about a server. */
export interface ServerFacts {
  /** In the available list (semantics 2): nothing that keeps a server out of it stands (placement/obstacle.ts). */
  readonly available: boolean;
  /** Effective limit minus attempts not proven ended minus reservations. Negative while over capacity. */
  readonly freeSlots: number;
  /** Compared by identity: pass the same array as long as nothing in it changed, and never change it in place. */
  readonly capabilities: readonly Capability[];
}

/** Which servers a policy may use, best first; made by `policyList`, put into a pool's order by `EffectiveList`. */
export interface PolicyList {
  /** Its own ones, in its own order, each once. Those that are not registered in the pool are passed over. */
  readonly own: readonly ServerId[];
  /** Then the rest of the pool, in the pool's order. */
  readonly goesOn: boolean;
}

/** Whether a server of the pool is one of them. */
export const mayUse = ({ own, goesOn }: PolicyList, server: ServerId): boolean => goesOn || own.includes(server);

/** One placement to decide (docs/semantics.md, section 8). */
export interface PlacementQuery {
  readonly list: PolicyList;
  /** All must hold. */
  readonly requirements: readonly Requirement[];
  /** Slots it takes. */
  readonly slots: number;
  /**
   * Taken only if no other eligible server has room (semantics, section 7: setbacks, failures), the one in front first: whose skip is
   * oldest. By rank it would be the sick one again and again.
   */
  readonly skip: readonly ServerId[];
  /** Never taken in this placement: the run pauses there after a setback (told as PAUSED), or moves away from it (told as EXCLUDED). */
  readonly exclude: readonly ServerId[];
  /** Tried before all others, if the policy may use it: where the run was, after a lapse, a restart or a failure after which it stays. */
  readonly first?: ServerId | undefined;
  /** Servers that gather slots for another run: never taken. */
  readonly claimed: readonly ServerId[];
}
