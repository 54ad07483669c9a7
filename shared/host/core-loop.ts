/**
 * The only caller of an agent's or a keeper's core: one event at a time, in the order in which they came, each followed by its effects.
 * What an effect finds out at once (a stream is full, a tree is empty) is handled before the next event.
 */
import { assert } from '../assert.ts';
import { Mailbox } from '../mailbox.ts';
import { readClocks } from './clocks.ts';

/** Events that wait. Reached only when a step blocks for long; then it is better to end than to lose one. */
const CAPACITY = 100_000;
/** `setTimeout` overflows past 24.8 days. */
const LONGEST_SLEEP_MS = 60 * 60 * 1000;

export interface Tick {
  readonly kind: 'tick';
}

/** The core's only effect that the loop performs by itself: step a tick at this time of the monotonic clock. Only the newest wish holds. */
export interface Wake {
  readonly kind: 'wake';
  readonly atMono: number;
}

interface SteppedCore<E, F, N> {
  step(event: E, now: N): void;
  flush(now: N): readonly F[];
}

/** `E`: events. `F`: effects but for `wake`. `N`: what an event arrives with. */
export interface CoreLoopOptions<E, F extends { readonly kind: string }, N> {
  readonly core: SteppedCore<E | Tick, F | Wake, N>;
  /** Read for each event. */
  readonly readNow: () => N;
  /** Performs one effect now; the events that it answers with at once come next. */
  readonly perform: (effect: F) => readonly E[];
}

export class CoreLoop<E, F extends { readonly kind: string }, N> {
  readonly #options: CoreLoopOptions<E, F, N>;
  readonly #mailbox = new Mailbox<E | Tick>(CAPACITY);
  readonly #urgent: E[] = [];
  #running = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CoreLoopOptions<E, F, N>) {
    this.#options = options;
  }

  /** Takes an event. It is handled before this returns, unless another one is being handled: then right after that. */
  push(event: E | Tick): void {
    assert(this.#mailbox.push(event), `more than ${CAPACITY} events wait for the core`);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#handle(next);
    } finally {
      this.#running = false;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #next(): E | Tick | undefined {
    return this.#urgent.shift() ?? this.#mailbox.shift();
  }

  #handle(event: E | Tick): void {
    const { core, readNow, perform } = this.#options;
    const now = readNow();
    core.step(event, now);
    for (const effect of core.flush(now)) {
      if (isWake(effect)) this.#sleepUntil(effect.atMono);
      else this.#urgent.push(...perform(effect));
    }
  }

  /** The core judges by its clocks whether a tick came in time; a timer that is a little early or late does no harm. */
  #sleepUntil(atMono: number): void {
    clearTimeout(this.#timer);
    const ms = Math.min(LONGEST_SLEEP_MS, Math.max(1, Math.ceil(atMono - readClocks().mono)));
    this.#timer = setTimeout(() => this.push({ kind: 'tick' }), ms);
  }
}

const isWake = <F extends { readonly kind: string }>(effect: F | Wake): effect is Wake => effect.kind === 'wake';
