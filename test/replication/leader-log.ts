/** Who led since when, as etcd itself tells it to somebody who only watches. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EtcdStore, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';

interface Entry {
  readonly wallMs: number;
  /** Undefined: nobody led from then on. */
  readonly term: number | undefined;
}

export class LeaderLog {
  readonly #store: EtcdStore;
  readonly #over = new AbortController();
  readonly #entries: Entry[] = [];

  private constructor(store: EtcdStore) {
    this.#store = store;
    void this.#follow();
  }

  static async open(endpoints: readonly string[], prefix: string): Promise<LeaderLog> {
    return new LeaderLog(await openEtcdStore({ endpoints, prefix }));
  }

  /** When the first term after a time began: until then nobody could decide anything. */
  async nextTermWallMs(sinceWallMs: number): Promise<number> {
    const before = this.#entries.findLast(({ wallMs, term }) => wallMs <= sinceWallMs && term !== undefined)?.term ?? 0;
    for (;;) {
      const next = this.#entries.find(({ wallMs, term }) => wallMs > sinceWallMs && (term ?? 0) > before);
      if (next !== undefined) return next.wallMs;
      await sleep(10);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#store.close();
  }

  async #follow(): Promise<void> {
    try {
      for await (const leader of this.#store.observe(this.#over.signal)) {
        this.#entries.push({ wallMs: Date.now(), term: leader?.term });
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }
}
