/**
 * A trial: the servers as they are now in an order that may not be, on which moves are played through without doing them.
 * Its cost is that of one index, and each move of a plan then costs as much as one placement.
 */
import type { ServerId } from '../../../shared/ids.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import { PlacementIndex } from '../indexes/placement-index.ts';
import type { ServerFacts } from '../indexes/placement-query.ts';
import { placementFacts, serverView } from './capacity.ts';
import type { Servers } from './choose.ts';
import type { ServerView } from './server-view.ts';

export class Trial implements Servers {
  readonly index = new PlacementIndex();
  /** Nobody is moved behind a closed gate by choice. */
  readonly lastResort = undefined;
  /** As it would be once the plan so far is carried out. */
  readonly viewOf: Servers['viewOf'];
  readonly #facts = new Map<ServerId, ServerFacts>();
  readonly #given = new Map<ServerId, number>();

  /** `lost`: servers that count as MISSING. Default: none. */
  constructor(state: ClusterState, order: readonly ServerId[], lost: ReadonlySet<ServerId> = new Set()) {
    this.viewOf = (id): ServerView | undefined =>
      serverView(state, id, { given: this.#given.get(id), lost: lost.has(id) });
    this.index.setOrder(order);
    for (const id of order) {
      const facts = placementFacts(state, id);
      if (facts !== undefined) this.#set(id, lost.has(id) ? { ...facts, available: false } : facts);
    }
  }

  /** Slots of a server are given to a move of the plan. */
  take(id: ServerId, slots: number): void {
    const facts = this.#facts.get(id);
    if (facts === undefined) return;
    this.#given.set(id, (this.#given.get(id) ?? 0) + slots);
    this.#set(id, { ...facts, freeSlots: facts.freeSlots - slots });
  }

  #set(id: ServerId, facts: ServerFacts): void {
    this.#facts.set(id, facts);
    this.index.setServer(id, facts);
  }
}
