/**
 * The keys of an identity provider, as far as they are known. Asked for when a token needs them, by all who wait together, and not more
 * often than every few seconds whatever is asked: whoever reaches the listener can name a key. While the provider does not answer, what is
 * known counts for a day.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { messageOf } from '../../../shared/caught-error.ts';
import { LocumError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { DAY } from '../../../shared/time.ts';

export interface ProviderKeysOptions {
  readonly issuer: string;
  readonly fetch: () => Promise<JSONWebKeySet>;
  /** How old they may be before they are asked for again. */
  readonly ttlMs: number;
  readonly nowMono: () => number;
  readonly log: Logger;
}

const AT_MOST_EVERY_MS = 5_000;
const COUNT_FOR_MS = DAY;

interface KnownKeys {
  readonly find: JWTVerifyGetKey;
  readonly atMono: number;
}

export class ProviderKeys {
  readonly #options: ProviderKeysOptions;
  #known: KnownKeys | undefined;
  #asking: Promise<void> | undefined;
  #askedAtMono = Number.NEGATIVE_INFINITY;
  #trouble = '';

  constructor(options: ProviderKeysOptions) {
    this.#options = options;
  }

  /** Of the key that a token names. Rejects with JWKSNoMatchingKey, or LocumError PROVIDER_UNAVAILABLE. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { ttlMs, nowMono } = this.#options;
    if (this.#known === undefined || nowMono() - this.#known.atMono >= ttlMs) await this.refresh();
    const known = this.#stillKnown();
    try {
      return await known.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // It may sign with a new one by now.
      await this.refresh();
      const latest = this.#stillKnown();
      if (latest === known) throw error;
      return latest.find(header, token);
    }
  };

  /** Asks for them, if that was not done just now. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#asking === undefined) {
      const now = this.#options.nowMono();
      if (now - this.#askedAtMono < AT_MOST_EVERY_MS) return;
      this.#askedAtMono = now;
      this.#asking = this.#ask(now).finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
  }

  async #ask(now: number): Promise<void> {
    const { issuer, fetch, log } = this.#options;
    try {
      this.#known = { find: createLocalJWKSet(await fetch()), atMono: now };
      if (this.#trouble !== '') log.info({ issuer }, 'the keys of the identity provider can be had again');
      this.#trouble = '';
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble !== this.#trouble) log.warn({ issuer }, `the keys of the identity provider can't be had: ${trouble}`);
      this.#trouble = trouble;
    }
  }

  #stillKnown(): KnownKeys {
    const { issuer, nowMono } = this.#options;
    if (this.#known !== undefined && nowMono() - this.#known.atMono < COUNT_FOR_MS) return this.#known;
    const message = `the keys of the identity provider ${issuer} can't be had, so nobody knows whether this token is its own: the log of this controller says why`;
    throw new LocumError('PROVIDER_UNAVAILABLE', message, { retryAfterMs: AT_MOST_EVERY_MS });
  }
}
