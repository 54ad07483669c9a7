/**
 * A process: it lives, is paused, dies and is started again. While it is paused, whatever comes for it waits; when it goes on, its
 * overdue timer and what waits are handled in either order, as the operating system likes it.
 */
import type { Prng } from '../../shared/prng.ts';
import type { SimClock } from './clock.ts';
import type { EventQueue, Planned } from './event-queue.ts';

/** Timers fire a little late, as they do; never early, or rounding could make one fire for ever. */
const TIMER_LATE_MS = 1;

export interface Surroundings {
  readonly queue: EventQueue;
  readonly clock: SimClock;
  /** For the order of things when a pause ends. */
  readonly random: Prng;
}

export abstract class Process {
  readonly name: string;
  /** Counts starts; what was planned in an earlier life does not happen. */
  life = 0;
  alive = false;
  protected readonly queue: EventQueue;
  protected readonly clock: SimClock;
  readonly #random: Prng;
  #pauses = 0;
  #inbox: (() => void)[] = [];
  #wakeMono = Number.POSITIVE_INFINITY;
  #wake: Planned | undefined;

  constructor(name: string, { queue, clock, random }: Surroundings) {
    this.name = name;
    this.queue = queue;
    this.clock = clock;
    this.#random = random;
  }

  get isPaused(): boolean {
    return this.#pauses > 0;
  }

  get isRunning(): boolean {
    return this.alive && this.#pauses === 0;
  }

  /** Its only timer has fired. */
  protected abstract onWake(): void;
  protected abstract onStart(): void;
  /** It is gone; nothing of it runs any more. */
  protected abstract onDeath(): void;
  protected onResume(): void {}

  start(): void {
    if (this.alive) return;
    this.life += 1;
    this.alive = true;
    this.#pauses = 0;
    this.#inbox = [];
    this.#wakeMono = Number.POSITIVE_INFINITY;
    this.take(() => this.onStart());
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#inbox = [];
    this.queue.cancel(this.#wake);
    this.onDeath();
  }

  /** Handles something now, or when the pause is over; never when it is dead. */
  take(act: () => void): void {
    if (!this.alive) return;
    if (this.#pauses > 0) this.#inbox.push(act);
    else act();
  }

  /** The same after a while, if it is still the same life. */
  later(ms: number, act: () => void): Planned {
    const { life } = this;
    return this.queue.after(ms, () => {
      if (life === this.life) this.take(act);
    });
  }

  /** Stops it until what is answered is called. Several pauses may overlap: it goes on after the last; death ends them all. */
  pause(): () => void {
    const { life } = this;
    this.#pauses += 1;
    let over = false;
    return () => {
      if (over || life !== this.life || !this.alive) return;
      over = true;
      this.#pauses -= 1;
      if (this.#pauses === 0) this.#goOn();
    };
  }

  #goOn(): void {
    this.onResume();
    this.queue.settle();
    if (this.#random.chance(0.5) && this.clock.mono(this.queue.now) >= this.#wakeMono) {
      this.#fire();
      this.queue.settle();
    }
    this.#drain();
    this.armAgain();
  }

  #drain(): void {
    const waiting = this.#inbox;
    this.#inbox = [];
    for (const [index, act] of waiting.entries()) {
      if (!this.alive) return;
      // What it does may pause it again.
      if (this.#pauses > 0) {
        this.#inbox.unshift(...waiting.slice(index));
        return;
      }
      act();
      this.queue.settle();
    }
  }

  /** Sets the timer to a monotonic time; Infinity: none. */
  protected wakeAt(mono: number): void {
    if (mono === this.#wakeMono) return;
    this.#wakeMono = mono;
    this.armAgain();
  }

  protected wakeNoLaterThan(mono: number): void {
    if (mono < this.#wakeMono) this.wakeAt(mono);
  }

  /** To be called when the clock was changed. */
  armAgain(): void {
    this.queue.cancel(this.#wake);
    this.#wake = undefined;
    if (!this.alive || this.#pauses > 0 || this.#wakeMono === Number.POSITIVE_INFINITY) return;
    const at = this.clock.trueTimeOf(this.#wakeMono, this.queue.now);
    if (at === Number.POSITIVE_INFINITY) return;
    const { life } = this;
    this.#wake = this.queue.at(at + TIMER_LATE_MS, () => {
      if (life === this.life && this.#pauses === 0) this.#fire();
    });
  }

  #fire(): void {
    this.#wakeMono = Number.POSITIVE_INFINITY;
    this.onWake();
  }
}
