/** Leaders as a follower sees them: a real view of a store in memory, in which the test says who leads. */
import { onTestFinished } from 'vitest';
import { encodeCandidate } from '../../../controller/replication/candidate.ts';
import { LeaderView } from '../../../controller/replication/leader-view.ts';
import { MemoryCluster, MemoryStore } from '../../../controller/store/memory.ts';
import { createLogger } from '../../../shared/log.ts';

export const SILENT = createLogger({ name: 'test', level: 'silent' });

export class LeadersSeen {
  readonly cluster = new MemoryCluster();
  readonly store = new MemoryStore(this.cluster);
  readonly view = new LeaderView({ store: this.store, log: SILENT, askMs: 20 });
  readonly #over = new AbortController();
  #term = 0;

  constructor() {
    this.view.start(this.#over.signal);
    onTestFinished(() => this.#over.abort());
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get term(): number {
    return this.#term;
  }

  /** Somebody leads from now on, in place of whoever did; resolves when the view has seen it. */
  async lead(id: string, api: string): Promise<number> {
    this.cluster.depose(this.#term, 'somebody else leads');
    const candidate = encodeCandidate({ id, api, agent: `${id}:1`, version: 'test' });
    const { term } = await new MemoryStore(this.cluster).campaign(candidate, this.#over.signal);
    this.#term = term;
    await this.seen(() => this.view.leader?.term === term);
    return term;
  }

  /** Resolves when something is true that the view tells of. */
  async seen(look: () => boolean): Promise<void> {
    await this.view.when(() => (look() ? true : undefined), this.#over.signal);
  }
}
