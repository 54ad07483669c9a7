/**
 * A follower's copy of the records, kept by a watch of the store. It serves reads that ask for stale ones, and nothing else: what a
 * leader decides on is loaded anew when it is elected.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../shared/log.ts';
import { Watched } from '../../shared/watched.ts';
import type { Change, Store, StoreRecord } from '../store/store.ts';

export interface Copy {
  readonly revision: number;
  readonly records: readonly StoreRecord[];
}

/** Before a copy that broke is begun again. */
const AGAIN_MS = 1_000;

export class WarmCopy {
  readonly #store: Pick<Store, 'load' | 'watch'>;
  readonly #log: Logger;
  #records = new Map<string, Uint8Array>();
  readonly #revision = new Watched<number | undefined>(undefined);

  constructor(store: Pick<Store, 'load' | 'watch'>, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Undefined: nothing is loaded yet. */
  get copy(): Copy | undefined {
    const { revision } = this;
    if (revision === undefined) return undefined;
    return { revision, records: Array.from(this.#records, ([key, value]) => ({ key, value })) };
  }

  /** One record, encoded; undefined: there is none, or nothing is loaded yet. */
  read(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  get revision(): number | undefined {
    return this.#revision.value;
  }

  /** Whether it has all changes up to a revision before the signal aborts. */
  async reaches(revision: number, signal: AbortSignal): Promise<boolean> {
    for await (const at of this.#revision.values(signal)) if (at !== undefined && at >= revision) return true;
    return false;
  }

  /** Follows the store until the signal aborts. A copy that broke stays as it was until it can be loaded again. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { revision, records } = await this.#store.load();
        // Whoever follows by now began later, and may have seen more than was loaded here.
        if (signal.aborted) return;
        this.#records = new Map(records.map(({ key, value }) => [key, value]));
        this.#revision.set(revision);
        for await (const change of this.#store.watch(revision, signal)) this.#apply(change);
      } catch (error) {
        if (!signal.aborted) this.#log.debug({ err: error }, 'the copy of the store is loaded again');
      }
      await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  #apply({ revision, writes }: Change): void {
    for (const write of writes) {
      if (write.kind === 'put') this.#records.set(write.key, write.value);
      else this.#records.delete(write.key);
    }
    this.#revision.set(revision);
  }
}
