/**
 * One transport over several controllers. A call that may not have arrived is repeated, on the next address first, with the
 * same request_id: so a repeated change happens once (the controller keeps ids and outcomes for an hour).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { backoffMs } from '../../shared/backoff.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { type Caller, checkCaller, headersOf } from './caller.ts';
import { mayRepeat } from './may-repeat.ts';
import { Targets } from './targets.ts';
import { UnreachableError } from './unreachable-error.ts';

export interface TransportOptions extends Caller {
  /** `host:port`, at least one, tried in this order. */
  readonly addresses: readonly string[];
  /** For one call with all its repetitions. */
  readonly timeoutMs: number;
}

export interface ClosableTransport extends Transport {
  /** Ends open streams and connections, so that nothing keeps the process. */
  readonly close: () => void;
}

const BACKOFF = { baseMs: 100, capMs: 1_000 } as const;

function withRequestId<I extends DescMessage>(schema: I, input: MessageInitShape<I>): MessageShape<I> {
  const message = create(schema, input);
  const field = schema.field['requestId'];
  if (field !== undefined && Reflect.get(message, 'requestId') === '') Reflect.set(message, 'requestId', randomUUID());
  return message;
}

/** @throws RangeError for a token that would go over a network in plain text */
export function openTransport(options: TransportOptions): ClosableTransport {
  checkCaller(options);
  const { addresses, timeoutMs: defaultTimeoutMs, tls } = options;
  const targets = new Targets(addresses, tls);
  return {
    close: () => targets.close(),
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const message = withRequestId(method.input, input);
      const deadline = performance.now() + (timeoutMs ?? defaultTimeoutMs);
      const ask = async (target: Transport) => {
        const headers = await headersOf(options, header);
        const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
        return target.unary(method, signal, targets.tryMs(leftMs), headers, message, contextValues);
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
          await pause(waitMs, signal);
        }
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      // Only the opening is tried on each target; a stream that breaks is opened again by its reader (resume.ts).
      const messages: MessageInitShape<typeof method.input>[] = [];
      for await (const message of input) messages.push(message);
      return targets.askEach(
        async (target) =>
          target.stream(method, signal, timeoutMs, await headersOf(options, header), replay(messages), contextValues),
        0,
        signal,
      );
    },
  };
}

/** @throws ConnectError of Code.Canceled when the caller gives the call up: the same as in the midst of a try */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw ConnectError.from(error);
  }
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
