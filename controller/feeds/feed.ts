/**
 * Brings what a leader writes down to one sink, in order and each item at least once, from where the sink says that it is. It is a reader
 * as any other: a sink that hangs keeps nobody waiting, and how far it is behind is shown. The audit's sinks and the hooks are such.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BackoffOptions, backoffMs } from '../../shared/backoff.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { LocumError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { brokeOff } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';

/** The next item, or that everything up to a position was given. */
export type FeedNews<Item, Position> =
  | { readonly kind: 'item'; readonly item: Item; readonly reached: Position }
  | { readonly kind: 'all'; readonly reached: Position };

/** Where items come from: this controller, or whoever leads. */
export interface FeedSource<Item, Position> {
  /** Items that a sink lacks that is so far. */
  behind(reached: Position): number;
  /** Ends when the leader does. Undefined: there is none now, or it is not for this sink. */
  open(after: Position, signal: AbortSignal): AsyncIterable<FeedNews<Item, Position>> | undefined;
}

/** Where items go. */
export interface FeedSink<Item, Position> {
  /** For people: `file /var/log/locum/audit.jsonl`. */
  readonly name: string;
  /** Makes it ready, and answers what it has for certain. Called again after each failure. */
  begin(): Promise<Position>;
  /** Resolves once it has them all, which are all that it wants up to `reached`. Without items: it may do what it has to do from time to time. */
  write(items: readonly Item[], reached: Position): Promise<void>;
}

export interface SinkStatus {
  readonly name: string;
  /** Items that it does not have, of those that are known of. */
  readonly behind: number;
  /** How long it has been taking nothing though there is something, milliseconds. */
  readonly stuckMs: number;
  /** Why it could not take the last batch; undefined: it could, or has not answered. */
  readonly problem: string | undefined;
}

/** A sink may throw it, to be left alone for so long. */
export class SinkBusyError extends Error {
  override readonly name = 'SinkBusyError';
  readonly retryAfterMs: number;
  /** It took some of the items before: what it does not take now is the first failure, not one more. */
  readonly tookSome: boolean;

  constructor(
    message: string,
    { retryAfterMs, tookSome }: { readonly retryAfterMs: number; readonly tookSome: boolean },
  ) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.tookSome = tookSome;
  }
}

export interface FeedOptions<Item, Position> {
  readonly sink: FeedSink<Item, Position>;
  readonly source: FeedSource<Item, Position>;
  /** What is brought, as the log names it: `the audit`. */
  readonly what: string;
  /** Where a sink is of which nothing is known. */
  readonly start: Position;
  /** Items that are handed over at once. Default 200. */
  readonly batch?: number;
  /** Between two tries. Default: 0.5 s, doubling up to 10 s. */
  readonly backoff?: BackoffOptions;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  readonly mono: () => number;
}

const BATCH = 200;
const BACKOFF: BackoffOptions = { baseMs: 500, capMs: 10_000 };
const NOBODY_LEADS_MS = 500;

class SinkError extends Error {
  override readonly name = 'SinkError';
}

export class Feed<Item, Position> {
  readonly #options: FeedOptions<Item, Position>;
  #reached: Position;
  #begun = false;
  #stuckSinceMono: number | undefined;
  #problem: string | undefined;
  #failures = 0;
  #unread = '';

  constructor(options: FeedOptions<Item, Position>) {
    this.#options = options;
    this.#reached = options.start;
  }

  get status(): SinkStatus {
    const { sink, source, mono } = this.#options;
    const stuckMs = this.#stuckSinceMono === undefined ? 0 : mono() - this.#stuckSinceMono;
    return { name: sink.name, behind: source.behind(this.#reached), stuckMs, problem: this.#problem };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = NOBODY_LEADS_MS;
      try {
        await this.#begin();
        const news = this.#options.source.open(this.#reached, signal);
        if (news !== undefined) await this.#feed(news);
      } catch (error) {
        // A source that ends is a leader that went.
        if (signal.aborted) return;
        if (error instanceof SinkError) waitMs = this.#failed(error);
        else this.#unreadable(error);
      }
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#reached = await this.#sinks(() => this.#options.sink.begin());
    this.#begun = true;
  }

  async #feed(news: AsyncIterable<FeedNews<Item, Position>>): Promise<void> {
    const { batch: most = BATCH } = this.#options;
    let batch: Item[] = [];
    for await (const one of news) {
      if (one.kind === 'item') batch.push(one.item);
      if (one.kind === 'item' && batch.length < most) continue;
      await this.#write(batch, one.reached);
      batch = [];
    }
  }

  async #write(batch: readonly Item[], reached: Position): Promise<void> {
    await this.#sinks(() => this.#options.sink.write(batch, reached));
    this.#reached = reached;
    if (batch.length > 0) this.#mended();
  }

  async #sinks<T>(act: () => Promise<T>): Promise<T> {
    this.#stuckSinceMono ??= this.#options.mono();
    try {
      const done = await act();
      this.#stuckSinceMono = undefined;
      return done;
    } catch (error) {
      this.#begun = false;
      throw new SinkError(messageOf(error), { cause: error });
    }
  }

  /** Leaders come and go; what else keeps it from being read is told once. */
  #unreadable(error: unknown): void {
    const answer = error instanceof LocumError ? error : fromConnectError(error);
    const why = messageOf(error);
    if (answer?.reason === 'NOT_LEADER' || brokeOff(error) || why === this.#unread) return;
    this.#unread = why;
    const { sink, log, what } = this.#options;
    log.warn({ sink: sink.name, why }, `${what} can not be read for its sink; it is tried again`);
  }

  /** Answers how long to wait. */
  #failed({ message, cause }: SinkError): number {
    const { sink, log, what, backoff = BACKOFF } = this.#options;
    if (this.#problem !== message)
      log.warn({ sink: sink.name, why: message }, `${what} can not be sent; it is tried again`);
    this.#problem = message;
    this.#failures = cause instanceof SinkBusyError && cause.tookSome ? 1 : this.#failures + 1;
    const waitMs = backoffMs(backoff, this.#failures - 1, Math.random());
    return cause instanceof SinkBusyError ? Math.max(waitMs, cause.retryAfterMs) : waitMs;
  }

  #mended(): void {
    const { sink, log, what } = this.#options;
    if (this.#problem !== undefined) log.info({ sink: sink.name }, `${what} is sent again`);
    this.#problem = undefined;
    this.#failures = 0;
  }
}
