/**
 * The only caller of the agent's core: one event at a time, in the order in which they came, each followed by its effects. What
 * an effect finds out at once (a stream is full) is handled before the next event.
 */
import { assert } from '../shared/assert.ts';
import { readClocks } from '../shared/host/clocks.ts';
import { Mailbox } from '../shared/mailbox.ts';
import type { AgentNow } from './core/clock.ts';
import type { Core } from './core/core.ts';
import type { Effect } from './core/effect.ts';
import type { Event } from './core/event.ts';

/** Events that wait. Reached only when a step blocks for long; then it is better to end than to lose one: the keeper goes on. */
const CAPACITY = 100_000;
/** `setTimeout` overflows past 24.8 days. */
const LONGEST_SLEEP_MS = 60 * 60 * 1000;

export interface LoopOptions {
  readonly core: Core;
  /** Read for each event. */
  readonly readNow: () => AgentNow;
  /** Performs one effect now; the events that it answers with at once come next. */
  readonly perform: (effect: Exclude<Effect, { kind: 'wake' }>) => readonly Event[];
}

export class AgentLoop {
  readonly #options: LoopOptions;
  readonly #mailbox = new Mailbox<Event>(CAPACITY);
  readonly #urgent: Event[] = [];
  #running = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Takes an event. It is handled before this returns, unless another one is being handled: then right after that. */
  push(event: Event): void {
    assert(this.#mailbox.push(event), `more than ${CAPACITY} events wait for the agent`);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#handle(next);
    } finally {
      this.#running = false;
    }
  }

  #next(): Event | undefined {
    return this.#urgent.shift() ?? this.#mailbox.shift();
  }

  #handle(event: Event): void {
    const { core, readNow, perform } = this.#options;
    const now = readNow();
    core.step(event, now);
    for (const effect of core.flush(now)) {
      if (effect.kind === 'wake') this.#sleepUntil(effect.atMono);
      else this.#urgent.push(...perform(effect));
    }
  }

  /** The core judges by its clocks whether a tick came in time; a timer that is a little early or late does no harm. */
  #sleepUntil(atMono: number): void {
    clearTimeout(this.#timer);
    const ms = Math.min(LONGEST_SLEEP_MS, Math.max(1, Math.ceil(atMono - readClocks().mono)));
    this.#timer = setTimeout(() => this.push({ kind: 'tick' }), ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
