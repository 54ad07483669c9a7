/** The time of a model world: one clock for all, on the simulator's queue of what is going to happen. */
import type { Now } from '../../../../shared/time.ts';
import { EventQueue } from '../../../sim/event-queue.ts';

/** Wall time at the virtual start. */
export const START_WALL = Date.UTC(2026, 0, 1);

export class ModelTime {
  readonly queue = new EventQueue();
  /** What the wall clock of the controllers is ahead of the right time. */
  wallErrorMs = 0;

  get now(): Now {
    const mono = this.queue.now;
    return { mono, wall: START_WALL + mono + this.wallErrorMs };
  }

  plan(atMono: number, act: () => void): void {
    this.queue.at(atMono, act);
  }
}
