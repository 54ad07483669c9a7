/** What clients did and were told, as the checker reads it (checker/main.go). */

export const KINDS = ['create', 'update', 'delete', 'get', 'start', 'stop', 'runs'] as const;
export type Kind = (typeof KINDS)[number];

/** UNKNOWN: no answer came in time, so it happened at some moment since, or never. */
export type Status = 'OK' | 'NOT_FOUND' | 'ALREADY_EXISTS' | 'POLICY_DELETING' | 'UNKNOWN';

export interface Answer {
  readonly status: Status;
  /** What `get` read. Default: empty. */
  readonly value?: string;
  /** Of `start`: the run. Of `runs`: all that are not ended. */
  readonly runs?: readonly string[];
}

/** One call with all its repetitions. */
export interface Operation extends Answer {
  readonly client: number;
  readonly kind: Kind;
  /** Id of the policy. */
  readonly policy: string;
  /** What `create` and `update` wrote, and `get` read. */
  readonly value: string;
  /** Nanoseconds of one monotonic clock: before the first try, after the last. */
  readonly callNs: number;
  readonly returnNs: number;
}

export interface History {
  readonly operations: readonly Operation[];
  /** Answers that no fault explains: an error of ours, or a second answer to one request_id that differs from the first. */
  readonly oddities: readonly string[];
}
