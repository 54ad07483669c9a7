/**
 * One hook as a sink of the event log: told of one event after the other, and how far it is stands in the store. That is written down
 * after each batch, so a leader that ends without a word has the next one repeat what was told since: one batch at most.
 */
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import { parseEventName } from '../../shared/resource-name.ts';
import type { HookNews } from '../core/records/hook-record.ts';
import type { Clock } from '../engine/clock.ts';
import { type FeedSink, SinkBusyError } from '../feeds/feed.ts';
import type { HookAnswer } from './hook.ts';

/** What is written down of a hook. */
export interface HookNote {
  readonly position: number;
  readonly news?: HookNews | undefined;
}

export interface HookSinkOptions {
  readonly name: string;
  /** How far it is by the store, and the newest event. */
  readonly look: () => Promise<{ readonly position: number | undefined; readonly newest: number }>;
  /** Resolves once it is in the store. */
  readonly note: (note: HookNote) => Promise<void>;
  readonly send: (event: Event) => Promise<HookAnswer>;
  readonly clock: Clock;
  /** Aborted: it is told of no further event; one under way is finished. */
  readonly stop: AbortSignal;
}

/** Failures in a row after which the event log says so, and tries after which an event is passed over that it does not want. */
const PATIENCE = 3;
/** A position that only passed over events is written down this seldom: nothing is repeated for it. */
const PASSED_OVER = { events: 1_000, ms: 60_000 } as const;
/** Losses are told this seldom. */
const LOSS_MS = 60_000;

export class HookSink implements FeedSink<Event, number> {
  readonly name: string;
  readonly #options: HookSinkOptions;
  #reached = 0;
  #noted = { position: 0, mono: 0 };
  #failures = 0;
  #turnedAway = 0;
  #problem: string | undefined;
  #lossToldMono = Number.NEGATIVE_INFINITY;
  delivered = 0;
  failed = 0;

  constructor(options: HookSinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Of the last try; undefined: it took the last event. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async begin(): Promise<number> {
    if (this.#reached > 0) return this.#reached;
    const { position, newest } = await this.#options.look();
    this.#reached = position ?? newest;
    // From here on nothing is left out, whoever leads.
    if (position === undefined) await this.#note();
    this.#noted = { position: this.#reached, mono: this.#options.clock().mono };
    return this.#reached;
  }

  async write(events: readonly Event[], reached: number): Promise<void> {
    const tookBefore = this.delivered;
    try {
      for (const event of events) await this.#tell(event, tookBefore);
      this.#reached = Math.max(this.#reached, reached);
    } finally {
      if (this.delivered > tookBefore) await this.#note({ kind: 'TAKES' });
      else if (this.#isFarBehindNotes) await this.#note();
    }
  }

  /** Events that it wants may have been dropped before it was told. */
  async missed(upTo: number): Promise<void> {
    const { mono } = this.#options.clock();
    if (mono - this.#lossToldMono < LOSS_MS) return;
    this.#lossToldMono = mono;
    await this.#note({ kind: 'DROPPED', upTo });
  }

  async #tell(event: Event, tookBefore: number): Promise<void> {
    const number = parseEventName(event.name) ?? 0;
    if (number <= this.#reached) return;
    this.#options.stop.throwIfAborted();
    const answer = await this.#options.send(event);
    if (answer.kind === 'TAKEN') {
      this.#took(number);
      return;
    }
    this.failed += 1;
    this.#failures += 1;
    this.#problem = answer.outcome;
    this.#turnedAway = answer.kind === 'TURNED_AWAY' ? this.#turnedAway + 1 : 0;
    if (this.#turnedAway >= PATIENCE) {
      this.#took(number, 0);
      await this.#note({ kind: 'TURNED_AWAY', event: number, problem: answer.outcome });
      return;
    }
    if (this.#failures === PATIENCE) await this.#note({ kind: 'FAILS', problem: answer.outcome });
    throw new SinkBusyError(answer.outcome, {
      retryAfterMs: answer.retryAfterMs ?? 0,
      tookSome: this.delivered > tookBefore,
    });
  }

  #took(number: number, count = 1): void {
    this.#reached = number;
    this.#failures = 0;
    this.#turnedAway = 0;
    this.#problem = undefined;
    this.delivered += count;
  }

  get #isFarBehindNotes(): boolean {
    const { position, mono } = this.#noted;
    const passedOver = this.#reached - position;
    return passedOver >= PASSED_OVER.events || (passedOver > 0 && this.#options.clock().mono - mono >= PASSED_OVER.ms);
  }

  async #note(news?: HookNews): Promise<void> {
    await this.#options.note({ position: this.#reached, news });
    this.#noted = { position: this.#reached, mono: this.#options.clock().mono };
  }
}
