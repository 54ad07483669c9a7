/**
 * By which keys the controllers of the cluster vouch for whom they pass calls on, as the store said it last. What it said is believed for half a
 * minute: a controller that is gone, or has another life with another key, vouches for nobody then, and who takes its key from its memory or
 * a core file has as long. Asked for again before that, behind the backs of those who use them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocumError } from '../../shared/errors.ts';
import type { Controllers } from '../replication/controllers.ts';
import { StoreError } from '../store/store.ts';
import type { VoucherKeys } from './vouching.ts';

export interface ControllerKeysOptions {
  readonly controllers: () => Pick<Controllers, 'list'>;
  readonly nowMono: () => number;
}

/** At most so often the store is asked for keys that nobody knows: whoever reaches the listener can name a controller. */
const AT_MOST_EVERY_MS = 1_000;
const FRESH_MS = 10_000;
const BELIEVED_MS = 30_000;

export class ControllerKeys implements VoucherKeys {
  readonly #options: ControllerKeysOptions;
  #keys: ReadonlyMap<string, string> = new Map();
  /** When the store was asked for them. */
  #keysAtMono = Number.NEGATIVE_INFINITY;
  #askedAtMono = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(options: ControllerKeysOptions) {
    this.#options = options;
  }

  known(controller: string): string | undefined {
    const ageMs = this.#options.nowMono() - this.#keysAtMono;
    if (ageMs >= BELIEVED_MS) return undefined;
    // It is asked again by whoever comes next.
    if (ageMs >= FRESH_MS) this.refresh().catch(() => undefined);
    return this.#keys.get(controller);
  }

  /** One look for all who wait for it. Rejects with LocumError STORE_UNAVAILABLE. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(): Promise<void> {
    const { controllers, nowMono } = this.#options;
    const restMs = this.#askedAtMono + AT_MOST_EVERY_MS - nowMono();
    if (restMs > 0) await sleep(restMs);
    const now = nowMono();
    try {
      const there = await controllers().list();
      this.#keys = new Map(there.flatMap(({ id, key }) => (key === undefined ? [] : [[id, key]])));
      this.#keysAtMono = now;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new LocumError('STORE_UNAVAILABLE', `the store does not say which controllers there are: ${error.message}`);
    } finally {
      this.#askedAtMono = nowMono();
    }
  }
}
