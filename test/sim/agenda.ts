/**
 * The agenda of a simulated process, on its own monotonic clock: it stands still with that, and waits while the process is paused. Due
 * timers fire one by one, each a step of its own, as Node runs them with all that follows from one before the next.
 */
import type { Agenda, Planned } from '../../controller/engine/agenda.ts';
import type { Prng } from '../../shared/prng.ts';
import type { EventQueue } from './event-queue.ts';

/** What comes within a moment is read in one turn of the process's own loop. */
const LONGEST_TURN_MS = 1.5;

export interface AgendaOptions {
  readonly queue: EventQueue;
  readonly random: Prng;
  readonly mono: () => number;
  /** Sets the only alarm of the process, which is to call `fire`. */
  readonly wakeAt: (mono: number) => void;
  /** Does something when the process runs, if it still lives. */
  readonly take: (act: () => void) => void;
}

interface Timer {
  dueMono: number;
  readonly act: () => void;
}

export class SimAgenda implements Agenda {
  readonly #options: AgendaOptions;
  /** Few, in no order. */
  readonly #timers = new Set<Timer>();

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  after(delayMs: number, act: () => void): Planned {
    const timer: Timer = {
      dueMono: this.#options.mono() + delayMs,
      act: () => {
        this.#timers.delete(timer);
        act();
      },
    };
    return this.#set(timer);
  }

  every(periodMs: number, act: () => void): Planned {
    const timer: Timer = {
      dueMono: this.#options.mono() + periodMs,
      act: () => {
        timer.dueMono = this.#options.mono() + periodMs;
        act();
      },
    };
    return this.#set(timer);
  }

  atTurnEnd(act: () => void): Planned {
    const { queue, random, take } = this.#options;
    let isOff = false;
    queue.after(random.float() * LONGEST_TURN_MS, () =>
      take(() => {
        if (!isOff) act();
      }),
    );
    return {
      cancel: () => {
        isOff = true;
      },
    };
  }

  next(act: () => void): void {
    this.#options.queue.next(() => this.#options.take(act));
  }

  /** Fires the timer that is due first, if one is. */
  fire(): void {
    const first = this.#first;
    if (first !== undefined && first.dueMono <= this.#options.mono()) first.act();
    this.#arm();
  }

  #set(timer: Timer): Planned {
    this.#timers.add(timer);
    this.#arm();
    return {
      cancel: () => {
        if (this.#timers.delete(timer)) this.#arm();
      },
    };
  }

  get #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (first === undefined || timer.dueMono < first.dueMono) first = timer;
    return first;
  }

  #arm(): void {
    this.#options.wakeAt(this.#first?.dueMono ?? Number.POSITIVE_INFINITY);
  }
}
