/**
 * The keys of an identity provider, as far as they are known. What is known counts for a day; once it is older than its time it is asked for
 * again, behind the backs of those who use it: a provider that hangs keeps nobody waiting. Waited for are only keys that nobody has yet, by all
 * who need them together. One question at a time, every few seconds at most, whatever is asked: whoever reaches the listener can name a key.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { backoffCeilingMs } from '../../../shared/backoff.ts';
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
/** Of what nobody waits for, while the provider fails. */
const BACKOFF = { baseMs: AT_MOST_EVERY_MS, capMs: 60_000 };
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
  /** In a row. */
  #failures = 0;
  #trouble = '';

  constructor(options: ProviderKeysOptions) {
    this.#options = options;
  }

  /** Of the key that a token names. Rejects with JWKSNoMatchingKey, or LocumError PROVIDER_UNAVAILABLE. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#counting === undefined) await this.refresh();
    else this.freshen();
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

  /** Has them asked for if they are older than their time, and waits for nothing. */
  freshen(): void {
    const { ttlMs, nowMono } = this.#options;
    const isFresh = this.#known !== undefined && nowMono() - this.#known.atMono < ttlMs;
    const waitMs = this.#failures === 0 ? 0 : backoffCeilingMs(BACKOFF, this.#failures - 1);
    if (!isFresh && nowMono() - this.#askedAtMono >= waitMs) void this.refresh();
  }

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
      this.#failures = 0;
      this.#trouble = '';
    } catch (error) {
      this.#failures += 1;
      const trouble = messageOf(error);
      if (trouble !== this.#trouble) log.warn({ issuer }, `the keys of the identity provider can't be had: ${trouble}`);
      this.#trouble = trouble;
    }
  }

  get #counting(): KnownKeys | undefined {
    const known = this.#known;
    return known !== undefined && this.#options.nowMono() - known.atMono < COUNT_FOR_MS ? known : undefined;
  }

  #stillKnown(): KnownKeys {
    const { issuer } = this.#options;
    if (this.#counting !== undefined) return this.#counting;
    const message = `the keys of the identity provider ${issuer} can't be had, so nobody knows whether this token is its own: the log of this controller says why`;
    throw new LocumError('PROVIDER_UNAVAILABLE', message, { retryAfterMs: AT_MOST_EVERY_MS });
  }
}
