/**
 * Before a follower refuses somebody by its copy of the store, the copy has to have all that was committed when he came: what was given a moment
 * ago at the leader counts everywhere then. Whoever reaches the listener can ask for that, with made-up tokens, so it costs the leader nothing
 * and the store one small read: one look at a time, every 50 ms at most, for all who came before it began.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocumError } from '../../shared/errors.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { WarmCopy } from './warm-copy.ts';

export interface CopyCatchUpOptions {
  readonly store: Pick<Store, 'newestChange'>;
  readonly copy: Pick<WarmCopy, 'reaches'>;
  /** How long the copy has to get there. Default 1 s. */
  readonly patienceMs?: number;
}

const EVERY_MS = 50;
const PATIENCE_MS = 1_000;
/** More than come together by themselves, and little to keep. */
const MAX_WAITING = 1_000;
const AGAIN_MS = 1_000;

export class CopyCatchUp {
  readonly #options: CopyCatchUpOptions;
  #waiting = 0;
  /** The look that is under way, or the last one. Never rejects. */
  #look: Promise<unknown> = Promise.resolve();
  #lookedAtMono = Number.NEGATIVE_INFINITY;
  /** The look after it, which has not begun: it is for all who come until it does. */
  #next: Promise<void> | undefined;

  constructor(options: CopyCatchUpOptions) {
    this.#options = options;
  }

  /** Resolves once the copy has all that was committed when this was called. Rejects with LocumError STORE_UNAVAILABLE, OVERLOADED: it is not known. */
  async caughtUp(): Promise<void> {
    if (this.#waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} callers wait here to be looked up: repeat in a moment, or ask the controller that leads`;
      throw new LocumError('OVERLOADED', message, { retryAfterMs: AGAIN_MS });
    }
    this.#waiting += 1;
    try {
      this.#next ??= this.#lookLater();
      await this.#next;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #lookLater(): Promise<void> {
    await this.#look;
    const restMs = this.#lookedAtMono + EVERY_MS - performance.now();
    if (restMs > 0) await sleep(restMs);
    // Who comes from here on may have been given something after this look.
    this.#next = undefined;
    this.#lookedAtMono = performance.now();
    const look = this.#catchUp();
    this.#look = look.catch(() => undefined);
    await look;
  }

  async #catchUp(): Promise<void> {
    const { store, copy, patienceMs = PATIENCE_MS } = this.#options;
    try {
      const revision = await store.newestChange();
      if (await copy.reaches(revision, AbortSignal.timeout(patienceMs))) return;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw behind(`the store does not answer: ${error.message}`);
    }
    throw behind('its copy of the store is behind');
  }
}

const behind = (why: string): LocumError =>
  new LocumError('STORE_UNAVAILABLE', `this controller does not know whether you may do this, for ${why}`, {
    retryAfterMs: AGAIN_MS,
  });
