import { type Epoch, epoch, type Uid, uid } from '../../../shared/ids.ts';
import { HOUR } from '../../../shared/time.ts';

/** One record for the whole store: the counters from which ids are made. */
export interface Meta {
  readonly kind: 'meta';
  /** Last epoch given to an attempt. */
  lastEpoch: number;
  /** Last number given to a run, for its id. */
  lastRun: number;
  /** Last number given to an event. Like epochs, those of a later incarnation are above all of an earlier one. */
  lastEvent: number;
  /** Last number of the events of earlier incarnations that belong to this one: those that were above it were undone by a restore. */
  lastEventBefore: number;
  /** Last number given to a uid. */
  lastUid: number;
  /** Newest number of an event that was dropped to make room. 0: none was. */
  droppedEvent: number;
  /** Age of the cluster at this commit (see `ageOf`). */
  age: number;
}

/** So that 0, which stands for "never", is long ago from the first day on. */
const FIRST_AGE_MS = 1_000 * HOUR;

/** Counters of a store in which nothing is yet. `floor`: below the first number of its incarnation. */
export const newMeta = (floor: number): Meta => ({
  kind: 'meta',
  lastEpoch: floor,
  lastRun: 0,
  lastEvent: floor,
  lastEventBefore: 0,
  lastUid: floor,
  droppedEvent: 0,
  age: FIRST_AGE_MS,
});

/** The next uid: a counter with the incarnation in its high bits, so that it is never used again. */
export function nextUid(meta: Meta): Uid {
  meta.lastUid += 1;
  return uid(`u${meta.lastUid.toString(36)}`);
}

/** The next epoch, above all that were ever given. */
export function nextEpoch(meta: Meta): Epoch {
  meta.lastEpoch += 1;
  return epoch(meta.lastEpoch);
}

/** The next number of a run, for its id. */
export function nextRunNumber(meta: Meta): number {
  meta.lastRun += 1;
  return meta.lastRun;
}
