/** Why a host could not join, when no controller said so. */
export type JoinProblem =
  | 'BAD_TOKEN'
  | 'BAD_CA_HASH'
  | 'WRONG_CA'
  | 'NO_CONTROLLER'
  | 'NO_TLS'
  | 'UNREACHABLE'
  | 'CLOCK_WRONG'
  | 'OTHER_IDENTITY'
  | 'BAD_ANSWER';

/** The message is for this host's administrator, and says what to do. */
export class JoinError extends Error {
  override readonly name = 'JoinError';
  readonly reason: JoinProblem;

  constructor(reason: JoinProblem, message: string) {
    super(message);
    this.reason = reason;
  }
}
