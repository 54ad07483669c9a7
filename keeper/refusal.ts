/** Why an attempt was not started, or a request not done. */
export interface Refusal {
  readonly kind: 'refusal';
  /** One stable word, as listed at `Result.reason` in the proto. */
  readonly reason:
    | 'DEADLINE_PAST'
    | 'EPOCH_SPENT'
    | 'STOPPED'
    | 'LEAVING'
    | 'TABLE_FULL'
    | 'INVALID_REQUEST'
    | 'STATE_NOT_WRITTEN'
    | 'PROGRAM_NOT_FOUND'
    | 'PROGRAM_NOT_EXECUTABLE'
    | 'WORKING_DIRECTORY_NOT_FOUND'
    | 'USER_NOT_FOUND'
    | 'USER_NOT_PERMITTED'
    | 'SPAWN_FAILED'
    | 'NOT_FOUND'
    | 'NOT_ENDED';
  /** In words, for people. */
  readonly detail: string;
}

export function refuse(reason: Refusal['reason'], detail: string): Refusal {
  return { kind: 'refusal', reason, detail };
}
