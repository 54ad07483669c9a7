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
