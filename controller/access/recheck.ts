/**
 * Whoever was let in by the headers of a request is judged again once its body is there, which he may send as slowly as he likes; and since streams
 * go on for days, whoever opened one is judged again now and then.
 */
import type { Interceptor } from '@connectrpc/connect';
import { ruleOf } from '../../shared/access/method-access.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import type { Doorkeeper } from './doorkeeper.ts';

const EVERY_MS = 5_000;

type Judge = Pick<Doorkeeper, 'stillAdmits' | 'asOfNow'>;

/** Refuses with TOKEN_INVALID or PERMISSION_DENIED, and ends a stream with that within seconds after it became so. */
export function recheck(doorkeeper: Judge, everyMs: number = EVERY_MS): Interceptor {
  return (next) => async (request) => {
    const rule = ruleOf(request.method);
    if (rule === undefined) return next(request);
    const { contextValues } = request;
    const again = (): void => void contextValues.set(callerKey, doorkeeper.asOfNow(contextValues.get(callerKey), rule));
    if (!request.stream) again();
    const response = await next(request.stream ? { ...request, message: afterEach(request.message, again) } : request);
    if (!response.stream) return response;
    const caller = contextValues.get(callerKey);
    const check = (): void => doorkeeper.stillAdmits(caller, rule);
    return { ...response, message: checked(response.message, check, everyMs) };
  };
}

async function* afterEach<T>(messages: AsyncIterable<T>, look: () => void): AsyncGenerator<T> {
  for await (const message of messages) {
    look();
    yield message;
  }
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
