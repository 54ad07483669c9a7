/**
 * Brings what was noted into the audit: a batch at a time, to whoever leads, under one request_id until it is known to be durable. So
 * a batch is written once, also when a leader goes away before it answers.
 */
import { randomUUID } from 'node:crypto';
import type { AuditFacts } from '../../shared/access/audit-chain.ts';
import { messageOf } from '../../shared/caught-error.ts';
import type { Logger } from '../../shared/log.ts';
import type { Clock } from '../engine/clock.ts';
import type { AccessNotes } from './access-notes.ts';

export interface AccessBatch {
  readonly requestId: string;
  readonly facts: readonly AuditFacts[];
}

export interface AccessRecorderOptions {
  readonly notes: AccessNotes;
  readonly clock: Clock;
  /** Has the leader write a batch; rejects when it is not known that it did. */
  readonly record: (batch: AccessBatch) => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
}

const LOOK_MS = 1_000;
/** Failures in a row after which the log says so; an election lasts a few seconds. */
const WORTH_TELLING = 30;

export class AccessRecorder {
  readonly #options: AccessRecorderOptions;
  #batch: AccessBatch | undefined;
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(options: AccessRecorderOptions) {
    this.#options = options;
  }

  /** Noted, and not known to be in the audit. */
  get untold(): number {
    const waiting = this.#batch?.facts.reduce((sum, { count }) => sum + count, 0) ?? 0;
    return waiting + this.#options.notes.untold;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tell(false), LOOK_MS).unref();
  }

  /** Hands over the rest, while somebody leads; what can't be handed over by then is lost. */
  async close(patienceMs: number): Promise<void> {
    clearInterval(this.#timer);
    const patience = new Promise<void>((resolve) => setTimeout(resolve, patienceMs).unref());
    const rest = async (): Promise<void> => {
      await this.#tell(true);
      // The first may have been one that was under way.
      if (this.untold > 0) await this.#tell(true);
    };
    await Promise.race([rest(), patience]);
    if (this.untold > 0) this.#options.log.warn({ lost: this.untold }, 'refusals and reads did not reach the audit');
  }

  #tell(all: boolean): Promise<void> {
    this.#sending ??= this.#send(all).finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(all: boolean): Promise<void> {
    const { notes, clock, record, log } = this.#options;
    this.#batch ??= batchOf(notes.take(clock().mono, { all }));
    if (this.#batch === undefined) return;
    try {
      await record(this.#batch);
      this.#batch = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures % WORTH_TELLING !== 0) return;
      log.warn({ waiting: this.untold, why: messageOf(error) }, 'refusals and reads wait for the audit');
    }
  }
}

const batchOf = (facts: readonly AuditFacts[]): AccessBatch | undefined =>
  facts.length === 0 ? undefined : { requestId: `access-${randomUUID()}`, facts };
