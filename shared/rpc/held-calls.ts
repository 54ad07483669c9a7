/** What each call on a listener holds of the budget for what waits (waiting-budget.ts): its body as it comes, its answer until it is read. */
import { constants } from 'node:http2';
import { LocumError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { peerNetwork } from './caller-address.ts';
import type { HttpHandler, HttpResponse } from './http-handler.ts';
import { sendRefusal } from './refusal.ts';
import { type Holding, WaitingBudget } from './waiting-budget.ts';

/** A client that neither sends nor reads on for so long gives its room to others, when there is no other. */
const PATIENCE_MS = 5_000;

const holdings = new WeakMap<HttpResponse, Holding>();
/** Of a response that no listener with a budget made. */
const free: Holding = { hold: () => undefined, ours: () => undefined, close: () => undefined };

/** What the call with this response holds. */
export const holdingOf = (response: HttpResponse): Holding => holdings.get(response) ?? free;

/** Answers OVERLOADED to calls that find no room; those by `spare` do not ask for any. */
export function withinBudget(handler: HttpHandler, spare: (path: string) => boolean, limitBytes: number): HttpHandler {
  const budget = new WaitingBudget({
    limitBytes,
    callBytes: LIMITS.callBytes,
    patienceMs: PATIENCE_MS,
    mono: () => performance.now(),
  });
  return (request, response) => {
    if (spare(request.url ?? '')) return handler(request, response);
    try {
      const peer = peerNetwork(request.socket?.remoteAddress ?? '');
      const holding = budget.open(peer, () => cut(response));
      holdings.set(response, holding);
      response.once('close', () => holding.close());
    } catch (error) {
      if (!(error instanceof LocumError)) throw error;
      return sendRefusal(request, response, error, 429);
    }
    handler(request, response);
  };
}

/**
 * Ends a call in its middle. It is no refusal, which would say that nothing was done: the client finds out, as after any broken connection.
 */
function cut(response: HttpResponse): void {
  if ('stream' in response) response.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  response.destroy();
}

/** The same body; it holds what has come of it. It fails with OVERLOADED. */
export async function* heldBody(body: AsyncIterable<Uint8Array>, holding: Holding): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of body) {
    received = Math.min(received + chunk.length, LIMITS.requestBytes);
    holding.hold(received);
    yield chunk;
  }
  holding.ours(received);
}

/** The same answer; each piece of it is held until the client has taken it. */
export async function* heldAnswer(body: AsyncIterable<Uint8Array>, response: HttpResponse): AsyncGenerator<Uint8Array> {
  const holding = holdingOf(response);
  for await (const piece of body) {
    try {
      holding.hold(piece.length);
    } catch (error) {
      cut(response);
      throw error;
    }
    yield piece;
    holding.ours(0);
  }
}
