import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import type { Servers } from '../../../../controller/core/placement/choose.ts';
import { explain } from '../../../../controller/core/placement/explain.ts';
import type { Ask } from '../../../../controller/core/placement/obstacle.ts';
import { whyNever, whyNowhere } from '../../../../controller/core/placement/placement-text.ts';
import type { ServerView } from '../../../../controller/core/placement/server-view.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { askFor, factsOf, gatedFactsOf, queryOf, viewOf, type Wish } from './pool-model.ts';

export const ids = (text: string): readonly ServerId[] => text.split(' ').map(serverId);

/** A pool whose servers are kept as plain views beside the indexes. */
export class Pool implements Servers {
  readonly index = new PlacementIndex();
  readonly #closedIndex = new PlacementIndex();
  readonly #closed = new Set<ServerId>();
  readonly #views = new Map<ServerId, ServerView>();

  get lastResort(): PlacementIndex | undefined {
    return this.#closed.size === 0 ? undefined : this.#closedIndex;
  }

  readonly viewOf = (id: ServerId): ServerView | undefined => this.#views.get(id);

  setOrder(order: readonly ServerId[]): void {
    this.index.setOrder(order);
    this.#closedIndex.setOrder(order);
  }

  set(id: ServerId, view: ServerView): void {
    this.#views.set(id, view);
    this.index.setServer(id, factsOf(view));
    if (view.gate.kind !== 'OPEN') {
      this.#closed.add(id);
      this.#closedIndex.setServer(id, gatedFactsOf(view));
    } else if (this.#closed.delete(id)) this.#closedIndex.removeServer(id);
  }

  explain(wish: Wish = {}, more: Partial<Ask> = {}) {
    return explain(this, askFor(queryOf(wish), this.index, more), ({ why, rank }) => `${why} ${rank}`);
  }

  nowhere(wish: Wish = {}, more: Partial<Ask> = {}, atMost?: number): string {
    const options = { age: 0, ...(atMost === undefined ? {} : { atMost }) };
    const { reason, message } = whyNowhere(this, askFor(queryOf(wish), this.index, more), options);
    return `${reason}: ${message}`;
  }

  never(wish: Wish = {}): string | undefined {
    return whyNever(this, askFor(queryOf(wish), this.index));
  }
}

/** In the order of its keys. */
export function poolOf(views: Readonly<Record<string, Partial<ServerView>>>): Pool {
  const pool = new Pool();
  pool.setOrder(Object.keys(views).map(serverId));
  for (const [id, view] of Object.entries(views)) pool.set(serverId(id), viewOf(view));
  return pool;
}

/** One line per server. */
export function lines(explanation: ReturnType<typeof explain>): readonly string[] {
  return explanation.verdicts.map(({ server, rank, eligible, reason, detail }) => {
    return `${server} ${rank} ${eligible ? 'yes' : 'no'} ${reason}: ${detail}`;
  });
}
