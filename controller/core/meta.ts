/** One record for the whole store: the counters from which ids are made. */
export interface Meta {
  readonly kind: 'meta';
  /** Last epoch given to an attempt. */
  lastEpoch: number;
  /** Last number given to a run, for its id. */
  lastRun: number;
  /** Last number given to an event. */
  lastEvent: number;
  /** Last number given to a uid. */
  lastUid: number;
  /** Newest number of an event that was dropped to make room. 0: none was. */
  droppedEvent: number;
  /** Age of the cluster at this commit (see `ageOf`). */
  age: number;
}
