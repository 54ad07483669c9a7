/** Makes every error that leaves the API one of ours: with a reason, and without anything from the inside. */
import type { DescMethod } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext, type Interceptor } from '@connectrpc/connect';
import { annotate, reasonOf, toConnectError } from './status-details.ts';

type OnDefect = (error: unknown, method: DescMethod) => void;

/** Converts what handlers and later interceptors throw, also in the middle of a stream. Defects go to `onDefect` first. */
export function errorInterceptor(onDefect: OnDefect): Interceptor {
  return (next) => async (request) => {
    const convert = (error: unknown): ConnectError => {
      const converted = toConnectError(error);
      if (reasonOf(converted) === 'INTERNAL') onDefect(converted.cause ?? error, request.method);
      return converted;
    };
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: converted(response.message, convert) };
    } catch (error) {
      throw convert(error);
    }
  };
}

async function* converted<T>(messages: AsyncIterable<T>, convert: (error: unknown) => ConnectError): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw convert(error);
  }
}

/**
 * Reasons for errors that never reach an interceptor: a message too large, JSON that does not parse. Connect aborts the call's
 * signal with the error just before it encodes it, in all three protocols; that is the one place to add to it. Used as the
 * router's `requestGate`, which sees each call before its body is read.
 */
export function annotateLibraryErrors({ signal }: HandlerContext): void {
  const onAbort = (): void => {
    const reason: unknown = signal.reason;
    if (reason instanceof ConnectError) annotate(reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
}
