/**
 * One transport over several controllers, in Node and in browsers. A call that may not have arrived is repeated, on the next address first,
 * with the same request_id: so a repeated change happens once (the controller keeps ids and outcomes for an hour).
 */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { backoffMs } from '../../shared/backoff.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { type Caller, headersOf } from './caller.ts';
import { mayRepeat } from './may-repeat.ts';
import { sleep } from './sleep.ts';
import type { Targets } from './targets.ts';
import { UnreachableError } from './unreachable-error.ts';

export interface RepeatedCallsOptions {
  readonly targets: Targets;
  readonly caller: Caller;
  /** For one call with all its repetitions, where it has no timeout of its own. */
  readonly timeoutMs: number;
}

/** A transport that can be given back. */
export interface ClosableTransport extends Transport {
  /** Ends open streams and connections, so that nothing keeps the process. */
  readonly close: () => void;
}

const BACKOFF = { baseMs: 100, capMs: 1_000 } as const;

/** Not `randomUUID`: browsers have that in pages of https only. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function withRequestId<I extends DescMessage>(schema: I, input: MessageInitShape<I>): MessageShape<I> {
  const message = create(schema, input);
  const field = schema.field['requestId'];
  if (field !== undefined && Reflect.get(message, 'requestId') === '') Reflect.set(message, 'requestId', randomId());
  return message;
}

export function repeatedCalls({ targets, caller, timeoutMs: defaultTimeoutMs }: RepeatedCallsOptions): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const message = withRequestId(method.input, input);
      const deadline = performance.now() + (timeoutMs ?? defaultTimeoutMs);
      const ask = async (target: Transport) => {
        const headers = await headersOf(caller, header);
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
          target.stream(method, signal, timeoutMs, await headersOf(caller, header), replay(messages), contextValues),
        0,
        signal,
      );
    },
  };
}

/** @throws ConnectError of Code.Canceled when the caller gives the call up: the same as in the midst of a try */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, signal);
  if (signal?.aborted === true) throw new ConnectError('the call was given up', Code.Canceled);
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
