/**
 * The API's request handler: Connect, gRPC-Web and gRPC over one router, with the limits and errors that all our services share.
 *
 * connect-node's own adapter lets a malformed Host header throw out of the request event, which ends the process, and prints
 * every client that went away with console.error; this one answers and stays silent.
 */
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, createConnectRouter, type Interceptor } from '@connectrpc/connect';
import {
  assertByteStreamRequest,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { LIMITS } from '../limits.ts';
import { boundedBody } from './bounded-body.ts';
import { contextOf } from './caller.ts';
import { annotateLibraryErrors, errorInterceptor } from './error-interceptor.ts';
import { heldAnswer, heldBody, holdingOf } from './held-calls.ts';
import { type HttpHandler, type HttpRequest, type HttpResponse, pathOf } from './http-handler.ts';
import { sendUnknownMethod } from './unknown-method.ts';
import { validationInterceptor } from './validation.ts';
import type { Holding } from './waiting-budget.ts';

export interface ConnectHandlerOptions {
  /** Adds the services. */
  readonly routes: (router: ConnectRouter) => void;
  /** Called for every failure that is no answer of ours; log it. */
  readonly onDefect: (error: unknown, method: DescMethod) => void;
  /** More interceptors, around validation and inside error conversion, outermost first. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** Largest request. Default: that of the table of limits. */
  readonly requestLimitBytes?: number;
  /** Aborts all calls when the process ends. Default: never. */
  readonly shutdownSignal?: AbortSignal;
}

/** Answers one call, whatever carried it. */
export type CallHandler = (request: UniversalServerRequest) => Promise<UniversalServerResponse>;

/** The handlers of all methods, by request path. Their failures are answers. */
export function createCallHandlers(options: ConnectHandlerOptions): ReadonlyMap<string, CallHandler> {
  const { requestLimitBytes = LIMITS.requestBytes } = options;
  const router = createConnectRouter({
    readMaxBytes: requestLimitBytes,
    writeMaxBytes: LIMITS.answerBytes,
    // Compressed bodies are a way to make 4 MiB out of 4 KiB; nothing here is worth it.
    acceptCompression: [],
    // By default Connect drops unknown JSON fields without a word.
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: annotateLibraryErrors,
    interceptors: [errorInterceptor(options.onDefect), ...(options.interceptors ?? []), validationInterceptor()],
    ...(options.shutdownSignal === undefined ? {} : { shutdownSignal: options.shutdownSignal }),
  });
  options.routes(router);
  return new Map(
    router.handlers.map((handler) => {
      const { methodKind } = handler.method;
      const hasOneRequest = methodKind === 'unary' || methodKind === 'server_streaming';
      const bounded: CallHandler = async (request) =>
        handler({ ...request, body: boundedBody(request, handler.method, requestLimitBytes) });
      return [handler.requestPath, hasOneRequest ? bounded : handler];
    }),
  );
}

/** A listener for 'request' events of http and http2 servers. It never throws. */
export function createConnectHandler(options: ConnectHandlerOptions): HttpHandler {
  const handlers = createCallHandlers(options);
  return (request, response) => {
    const handler = handlers.get(pathOf(request));
    if (handler === undefined) return sendUnknownMethod(request, response);
    const universal = universalRequest(request, response);
    if (universal === undefined) return refuse(response);
    handler(universal)
      .then((answer) => {
        // Refused by its headers alone. Over HTTP/2, Node would end the stream while the client still sends, and curl then
        // shows that instead of the answer; what nobody reads is thrown away instead.
        if (answer.status >= 400 && request.readableFlowing === null) request.resume();
        if (answer.body === undefined) return sendHint(answer, response);
        return universalResponseToNodeResponse(
          { ...answer, body: heldAnswer(toClientThatMayGo(answer.body), response) },
          response,
        );
      })
      // The client went away while its answer was written. Failures of handlers are answers and do not come here.
      .catch(() => response.destroy());
  };
}

/** Undefined when the Host or :authority can't be read. */
function universalRequest(request: HttpRequest, response: HttpResponse): UniversalServerRequest | undefined {
  try {
    const universal = universalRequestFromNodeRequest(request, response, undefined, contextOf(request));
    return ofClientThatMayGo(universal, holdingOf(response));
  } catch {
    return undefined;
  }
}

/**
 * However a connection breaks, its client went away. Node and Connect tell most of the ways as INTERNAL, also that a client reset its
 * stream with a code of its choice; so each of them would be a defect of ours.
 */
function ofClientThatMayGo(request: UniversalServerRequest, holding: Holding): UniversalServerRequest {
  assertByteStreamRequest(request);
  const gone = new AbortController();
  const { signal, body } = request;
  signal.addEventListener('abort', () => gone.abort(wentAway(signal.reason)), { once: true });
  return { ...request, signal: gone.signal, body: heldBody(untilClientGoes(body), holding) };
}

async function* untilClientGoes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw wentAway(error);
  }
}

/** Connect throws what it could not write into the answer, where it would be a failure of the handler's; the answer ends instead. */
function toClientThatMayGo(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const made = body[Symbol.asyncIterator]();
      const end = async () => (await made.return?.()) ?? DONE;
      return { next: () => made.next(), return: end, throw: end };
    },
  };
}

const DONE = { done: true, value: undefined } as const;

const wentAway = (cause: unknown): ConnectError =>
  new ConnectError('the client went away', Code.Canceled, undefined, undefined, cause);

function refuse(response: HttpResponse): void {
  response.writeHead(400, plainText);
  response.end('The Host header is missing or malformed.\n');
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' };

/** Connect answers these with a bare number; each is a mistake that people make on their first day. */
const hints: ReadonlyMap<number, string> = new Map([
  [405, 'Methods are called by POST.'],
  [415, "Name the kind of the body, as in: curl -H 'content-type: application/json' -d '{}' URL"],
  [505, 'A stream in both directions needs HTTP/2.'],
]);

function sendHint({ status, header }: UniversalServerResponse, response: HttpResponse): void {
  response.writeHead(status, { ...Object.fromEntries(header ?? []), ...plainText });
  response.end(`${hints.get(status) ?? `HTTP ${status}`}\n`);
}
