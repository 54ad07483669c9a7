/** The world as a simulated controller sees it. */
import type { ScheduleReader } from '../../controller/core/cluster/schedule-reader.ts';
import type { Prng } from '../../shared/prng.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import type { Door } from './certificates/door.ts';
import type { ControllerNode } from './controller.ts';
import type { LeaderWatch } from './seen-term.ts';
import type { SimStore } from './store.ts';
import type { Values } from './values.ts';

export interface ControllerWorld {
  readonly store: SimStore;
  readonly values: Values;
  /** Records that make a commit of a good size. */
  readonly recordsPerCommit: number;
  readonly random: Prng;
  readonly watch: LeaderWatch;
  readonly initialTimers: Timers;
  readonly verifyIntervalMs: number;
  readonly schedules: ScheduleReader;
  /** Made for each controller. Undefined: a world without certificates. */
  newDoor(controller: ControllerNode): Door | undefined;
  /** Starts are sent twice. */
  repeatsStarts(): boolean;
  /** Where the leader is, as far as the others know. */
  leaderHint(): readonly string[];
  /** Calls it after a while, or when faults end. */
  during(ms: number, undo: () => void): void;
  failed(who: string, error: unknown): void;
  say(who: string, what: () => string): void;
}
