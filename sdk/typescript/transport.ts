/**
 * One transport over several controllers. A call that may not have arrived is repeated, on the next address first, with the
 * same request_id: so a repeated change happens once (the controller keeps ids and outcomes for an hour).
 */
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { present } from '../../shared/assert.ts';
import { backoffMs } from '../../shared/backoff.ts';
import { LIMITS } from '../../shared/limits.ts';
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from '../../shared/rpc/channel-options.ts';
import { brokeOff, neverArrived } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { UnreachableError } from './unreachable-error.ts';

export interface TransportOptions {
  /** `host:port`, at least one, tried in this order. */
  readonly addresses: readonly string[];
  /** For one call with all its repetitions. */
  readonly timeoutMs: number;
}

export interface ClosableTransport extends Transport {
  /** Ends open streams and connections, so that nothing keeps the process. */
  readonly close: () => void;
}

/** How long one of several addresses may take: a controller that hangs must not use up the time in which the next one answers. */
const TRY_MS = 3_000;

function actor(): string {
  try {
    return (
      userInfo()
        .username.replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, 128) || 'unknown'
    );
  } catch {
    // A process may have no name of its own, as in some containers.
    return 'unknown';
  }
}

function withActor(header: HeadersInit | undefined): Headers {
  const headers = new Headers(header);
  if (!headers.has(ACTOR_HEADER)) headers.set(ACTOR_HEADER, actor());
  return headers;
}

const BACKOFF = { baseMs: 100, capMs: 1_000 } as const;

/** Whether the same call may do better later or elsewhere: no answer, or an answer that says "not now, not here". */
export function mayRepeat(error: ConnectError): boolean {
  if (brokeOff(error)) return true;
  return error.code === Code.Unavailable && fromConnectError(error)?.reason !== 'AGENT_UNREACHABLE';
}

function withRequestId<I extends DescMessage>(schema: I, input: MessageInitShape<I>): MessageShape<I> {
  const message = create(schema, input);
  const field = schema.field['requestId'];
  if (field !== undefined && Reflect.get(message, 'requestId') === '') Reflect.set(message, 'requestId', randomUUID());
  return message;
}

/** The controllers in the order in which they are asked: the one that answered last comes first. */
class Targets {
  readonly #addresses: readonly string[];
  readonly #managers: readonly Http2SessionManager[];
  readonly #transports: readonly Transport[];
  /** Index of the one that is asked first. */
  #preferred = 0;
  #answered = false;

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#managers = addresses.map((address) => {
      return new Http2SessionManager(`http://${address}`, {
        pingIntervalMs: KEEPALIVE_TIME_MS,
        pingTimeoutMs: KEEPALIVE_TIMEOUT_MS,
      });
    });
    this.#transports = this.#managers.map((sessionManager) => {
      return createGrpcTransport({
        baseUrl: sessionManager.authority,
        sessionManager,
        acceptCompression: [],
        readMaxBytes: LIMITS.answerBytes,
        writeMaxBytes: LIMITS.answerBytes,
      });
    });
  }

  /** Whether one of them ever answered: then nobody who listens is a controller that restarts, and no wrong address. */
  get answered(): boolean {
    return this.#answered;
  }

  /** How long one try may take of what is left for the call. */
  tryMs(leftMs: number): number {
    return this.#transports.length > 1 ? Math.min(leftMs, TRY_MS) : leftMs;
  }

  /** Asks each once, until one answers. */
  async askEach<T>(call: (target: Transport) => Promise<T>, giveUpAtMs: number, signal?: AbortSignal): Promise<T> {
    let last: ConnectError | undefined;
    let allRefused = true;
    const first = this.#preferred;
    for (let i = 0; i < this.#transports.length; i += 1) {
      const index = (first + i) % this.#transports.length;
      try {
        return await this.#ask(index, call);
      } catch (caught) {
        const error = ConnectError.from(caught);
        if (signal?.aborted === true) throw error;
        if (fromConnectError(error) !== undefined) this.#answered = true;
        const hangs = error.code === Code.DeadlineExceeded && this.#transports.length > 1;
        // Also when time is up: the next call must not begin with the one that hangs.
        if (hangs && this.#preferred === index) this.#preferred = (index + 1) % this.#transports.length;
        if (!mayRepeat(error) && !(hangs && performance.now() < giveUpAtMs)) throw error;
        if (!neverArrived(error)) allRefused = false;
        last = error;
      }
    }
    if (last !== undefined && allRefused) throw new UnreachableError(this.#addresses, last.rawMessage, last);
    throw last ?? new UnreachableError([], '');
  }

  async #ask<T>(index: number, call: (target: Transport) => Promise<T>): Promise<T> {
    const answer = await call(present(this.#transports[index], 'a controller'));
    this.#preferred = index;
    this.#answered = true;
    return answer;
  }

  close(): void {
    for (const manager of this.#managers) manager.abort();
  }
}

export function openTransport({ addresses, timeoutMs: defaultTimeoutMs }: TransportOptions): ClosableTransport {
  const targets = new Targets(addresses);
  return {
    close: () => targets.close(),
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const message = withRequestId(method.input, input);
      const deadline = performance.now() + (timeoutMs ?? defaultTimeoutMs);
      const ask = (target: Transport) => {
        const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
        return target.unary(method, signal, targets.tryMs(leftMs), withActor(header), message, contextValues);
      };
      for (let failures = 0; ; failures += 1) {
        try {
          return await targets.askEach(ask, deadline, signal);
        } catch (error) {
          if (signal?.aborted === true) throw error;
          // Nobody listens. At the first try that is the answer.
          if (error instanceof UnreachableError && failures === 0 && !targets.answered) throw error;
          const waitMs = retryDelayMs(error, failures);
          if (waitMs === undefined || performance.now() + waitMs >= deadline) throw error;
          await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
        }
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      // Only the opening is tried on each target; a stream that breaks is opened again by its reader (resume.ts).
      const messages: MessageInitShape<typeof method.input>[] = [];
      for await (const message of input) messages.push(message);
      return targets.askEach(
        (target) => target.stream(method, signal, timeoutMs, withActor(header), replay(messages), contextValues),
        0,
        signal,
      );
    },
  };
}

/** Undefined: repeating can't help. */
function retryDelayMs(error: unknown, failures: number): number | undefined {
  if (error instanceof UnreachableError) return backoffMs(BACKOFF, failures, Math.random());
  if (!(error instanceof ConnectError)) return undefined;
  if (!mayRepeat(error) && error.code !== Code.DeadlineExceeded) return undefined;
  return fromConnectError(error)?.retryAfterMs ?? backoffMs(BACKOFF, failures, Math.random());
}

async function* replay<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}
