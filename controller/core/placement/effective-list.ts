/**
 * Which servers a policy may use, and in what order (semantics 8): its own list, and unless it keeps to that (ONLY), the rest of the
 * pool in the pool's order; without a list of its own, the pool's order. Nothing else says so: the index takes a `PolicyList` from
 * here, and a property test holds its answers against `EffectiveList`.
 */
import type { ServerId } from '../../../shared/ids.ts';
import { type ClusterState, poolLiveOf } from '../cluster/cluster.ts';
import { mayUse, type PolicyList } from '../indexes/placement-query.ts';
import type { Policy, PolicySpec } from '../records/state.ts';

export const policyList = ({ servers, listMode }: Pick<PolicySpec, 'servers' | 'listMode'>): PolicyList => ({
  own: servers,
  goesOn: servers.length === 0 || listMode === 'PREFER',
});

/** The order of a pool; a `PlacementIndex` is one. */
export interface PoolOrder {
  /** Best first, each server once. */
  readonly order: readonly ServerId[];
  /** Position in it, from 1; 0: not in it. */
  rankOf(server: ServerId): number;
}

/** The list as it is in a pool's order. Made for each question: nothing in it costs as much as there are servers but to walk through it. */
export class EffectiveList implements Iterable<ServerId> {
  readonly #list: PolicyList;
  readonly #pool: PoolOrder;

  constructor(list: PolicyList, pool: PoolOrder) {
    this.#list = list;
    this.#pool = pool;
  }

  /** A server that the policy may use, were it in the pool. */
  names(server: ServerId): boolean {
    return mayUse(this.#list, server);
  }

  /** A server of the pool that the policy may use. */
  has(server: ServerId): boolean {
    return this.#pool.rankOf(server) > 0 && this.names(server);
  }

  /** Position, from 1, as whoever wrote the list counts: those that are not registered count too. 0: not in it. */
  rankOf(server: ServerId): number {
    const { own, goesOn } = this.#list;
    const index = own.indexOf(server);
    if (index >= 0) return index + 1;
    const rank = this.#pool.rankOf(server);
    if (rank === 0 || !goesOn) return 0;
    const ownBefore = own.filter((one) => {
      const before = this.#pool.rankOf(one);
      return before > 0 && before < rank;
    });
    return own.length + rank - ownBefore.length;
  }

  /** Those that are registered in the pool, best first. */
  *[Symbol.iterator](): Generator<ServerId> {
    for (const server of this.named()) if (this.#pool.rankOf(server) > 0) yield server;
  }

  /** All that it names, best first: also those of the policy's own that are not registered in its pool. */
  *named(): Generator<ServerId> {
    const { own, goesOn } = this.#list;
    yield* own;
    if (!goesOn) return;
    const listed = new Set(own);
    for (const server of this.#pool.order) if (!listed.has(server)) yield server;
  }
}

export const effectiveList = (state: ClusterState, { spec }: Policy): EffectiveList =>
  new EffectiveList(policyList(spec), poolLiveOf(state, spec.pool).index);
