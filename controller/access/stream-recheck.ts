/** Streams go on for days: whoever opened one is asked for now and then whether he still may. */
import type { Interceptor } from '@connectrpc/connect';
import { ruleOf } from '../../shared/access/method-access.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import type { Doorkeeper } from './doorkeeper.ts';

const EVERY_MS = 5_000;

/** Ends a stream with TOKEN_INVALID or PERMISSION_DENIED within seconds after that became so. */
export function recheckStreams(doorkeeper: Pick<Doorkeeper, 'stillAdmits'>, everyMs: number = EVERY_MS): Interceptor {
  return (next) => async (request) => {
    const response = await next(request);
    const rule = ruleOf(request.method);
    if (!response.stream || rule === undefined) return response;
    const caller = request.contextValues.get(callerKey);
    const check = (): void => doorkeeper.stillAdmits(caller, rule);
    return { ...response, message: checked(response.message, check, everyMs) };
  };
}

/** The messages, until `check` throws. */
export async function* checked<T>(messages: AsyncIterable<T>, check: () => void, everyMs: number): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  let refusal: { readonly error: unknown } | undefined;
  let end: (error: unknown) => void = () => undefined;
  const looks = setInterval(() => {
    try {
      check();
    } catch (error) {
      refusal = { error };
      end(error);
    }
  }, everyMs);
  try {
    for (;;) {
      // A promise for each message: one for all of them, raced with each, would keep every message for as long as the stream lasts.
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        end = reject;
        if (refusal === undefined) iterator.next().then(resolve, reject);
        else reject(refusal.error);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    clearInterval(looks);
    // Not waited for: one that hangs in the middle of a message ends when its next one would come.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
