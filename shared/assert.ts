/** A broken invariant: a defect of ours, never bad input. It ends the process; the store has what was acknowledged. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Asserts an invariant; stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Returns a value that an invariant says is there. */
export function present<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new InvariantError(message);
  return value;
}

/** Ends an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`);
}
