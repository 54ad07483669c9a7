import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  readonly patienceMs: number;
  /** Between two looks. */
  readonly everyMs: number;
}

/** Asks until there is an answer; refusals and broken connections are no answer yet. @throws Error that says what did not happen */
export async function untilAnswered<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { patienceMs, everyMs }: Patience,
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  let last: unknown;
  while (performance.now() < giveUpAt) {
    const found = await look().catch((error: unknown) => {
      last = error;
      return undefined;
    });
    if (found !== undefined) return found;
    await sleep(everyMs);
  }
  throw new Error(`did not happen: ${what}`, { cause: last });
}
