/**
 * A trial: the servers as they are now in an order that may not be, on which moves are played through without doing them.
 * Its cost is that of one index, and each move of a plan then costs as much as one placement.
 */
import type { ServerId } from '../../../shared/ids.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import { PlacementIndex } from '../indexes/placement-index.ts';
import type { ServerFacts } from '../indexes/placement-query.ts';
import { placementFacts } from './capacity.ts';

export class Trial {
  readonly index = new PlacementIndex();
  readonly #facts = new Map<ServerId, ServerFacts>();

  constructor(state: ClusterState, order: readonly ServerId[]) {
    this.index.setOrder(order);
    for (const id of order) {
      const facts = placementFacts(state, id);
      if (facts !== undefined) this.#set(id, facts);
    }
  }

  /** Slots of a server are given to a move of the plan. */
  take(id: ServerId, slots: number): void {
    const facts = this.#facts.get(id);
    if (facts !== undefined) this.#set(id, { ...facts, freeSlots: facts.freeSlots - slots });
  }

  #set(id: ServerId, facts: ServerFacts): void {
    this.#facts.set(id, facts);
    this.index.setServer(id, facts);
  }
}
