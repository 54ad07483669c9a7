/**
 * Brings the audit to one sink, in order and each entry at least once, from where the sink says that it is. It is a reader as any other:
 * a sink that hangs keeps nobody waiting, and how far it is behind is shown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry, AuditHead } from '../../shared/access/audit-chain.ts';
import { backoffMs } from '../../shared/backoff.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { LocumError } from '../../shared/errors.ts';
import { firstOfIncarnation, incarnationOf } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { brokeOff } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { AUDIT_START, type AuditNews, type AuditPosition, positionAfter } from './audit-position.ts';
import type { AuditSink, SinkStatus } from './audit-sink.ts';

/** Where entries come from: this controller, or whoever leads. */
export interface AuditSource {
  /** Where both logs stand now; undefined: it is not known here. */
  heads(): readonly AuditHead[] | undefined;
  /** Ends when the leader does. Undefined: there is none now, or it is not for this sink. */
  open(after: AuditPosition, signal: AbortSignal): AsyncIterable<AuditNews> | undefined;
}

export interface AuditFeedOptions {
  readonly sink: AuditSink;
  readonly source: AuditSource;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  readonly mono: () => number;
}

/** Entries that are handed over at once. */
const BATCH = 200;
const BACKOFF = { baseMs: 500, capMs: 10_000 } as const;
const NOBODY_LEADS_MS = 500;

class SinkError extends Error {
  override readonly name = 'SinkError';
}

export class AuditFeed {
  readonly #options: AuditFeedOptions;
  #reached: AuditPosition = AUDIT_START;
  #heads: readonly AuditHead[] = [];
  #begun = false;
  #stuckSinceMono: number | undefined;
  #problem: string | undefined;
  #failures = 0;
  #unread = '';

  constructor(options: AuditFeedOptions) {
    this.#options = options;
  }

  get status(): SinkStatus {
    const stuckMs = this.#stuckSinceMono === undefined ? 0 : this.#options.mono() - this.#stuckSinceMono;
    const heads = this.#options.source.heads() ?? this.#heads;
    const counts = heads.map(({ log, head }) => entriesBetween(this.#reached[log], head.number));
    const behind = counts.reduce((sum, count) => sum + count, 0);
    return { name: this.#options.sink.name, behind, stuckMs, problem: this.#problem };
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
        if (error instanceof SinkError) waitMs = this.#failed(error);
        else if (!signal.aborted) this.#unreadable(error);
      }
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#reached = await this.#sinks(() => this.#options.sink.begin());
    this.#begun = true;
  }

  async #feed(news: AsyncIterable<AuditNews>): Promise<void> {
    let batch: AuditEntry[] = [];
    let isFirst = true;
    for await (const one of news) {
      if (one.kind === 'entry') batch.push(one.entry);
      else this.#see(one.heads, isFirst);
      isFirst = false;
      if (one.kind === 'entry' && batch.length < BATCH) continue;
      await this.#write(batch);
      batch = [];
    }
  }

  #see(heads: readonly AuditHead[], isFirst: boolean): void {
    this.#heads = heads;
    const { sink, log } = this.#options;
    for (const { log: name, dropped } of isFirst ? heads : []) {
      const reached = this.#reached[name];
      if (reached === 0 || dropped.number <= reached) continue;
      log.warn(
        { sink: sink.name, log: name, after: reached, upTo: dropped.number },
        'entries of the audit are not kept any more, and the sink lacks them',
      );
    }
  }

  async #write(batch: readonly AuditEntry[]): Promise<void> {
    await this.#sinks(() => this.#options.sink.write(batch));
    this.#reached = positionAfter(this.#reached, batch);
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
    const { sink, log } = this.#options;
    log.warn({ sink: sink.name, why }, 'the audit can not be read for its sink; it is tried again');
  }

  /** Answers how long to wait. */
  #failed({ message }: SinkError): number {
    const { sink, log } = this.#options;
    if (this.#problem !== message)
      log.warn({ sink: sink.name, why: message }, 'the audit can not be sent; it is tried again');
    this.#problem = message;
    this.#failures += 1;
    return backoffMs(BACKOFF, this.#failures - 1, Math.random());
  }

  #mended(): void {
    const { sink, log } = this.#options;
    if (this.#problem !== undefined) log.info({ sink: sink.name }, 'the audit is sent again');
    this.#problem = undefined;
    this.#failures = 0;
  }
}

/** Numbers of each incarnation begin anew, far above. */
function entriesBetween(reached: number, head: number): number {
  return Math.max(0, head - Math.max(reached, firstOfIncarnation(incarnationOf(head))));
}
