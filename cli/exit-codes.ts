/** Exit codes of `locum`; scripts rely on them (docs/cli.md). */

export const EXIT = {
  ok: 0,
  /** Wrong usage, a refused request, anything without a code of its own. */
  error: 1,
  /** The request was taken, or is possible, but no server can take the run now. */
  notPlaced: 2,
  notFound: 3,
  denied: 4,
  /** It exists already, or has changed since it was read. */
  conflict: 5,
  /** `policy diff`: something would be another value than it is. */
  differs: 6,
  /** As `timeout(1)` does it. */
  timeout: 124,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message on standard error and a code. For what is known to be no defect. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.error) {
    super(message);
    this.exitCode = exitCode;
  }
}
