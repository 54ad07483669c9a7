/** A controller that signs for many tells each when to come again. */
import { LocumError } from '../../shared/errors.ts';

/** Whoever was sent away so often is told why: a leader that is new knows of no turns and tells another one, but not each time. */
const MOST_TRIES = 5;

/** Asks again when it is told to, at the time that it is told. Rejects as `ask` does, with what it can't wait for. */
export async function inTurn<T>(ask: () => Promise<T>, wait: (ms: number) => Promise<unknown>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LocumError) || error.retryAfterMs === undefined || tries === MOST_TRIES) throw error;
      await wait(error.retryAfterMs);
    }
  }
}
