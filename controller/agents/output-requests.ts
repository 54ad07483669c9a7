/** Reads of output that one agent was asked for and has not answered. */
import { create } from '@bufbuild/protobuf';
import { LocumError } from '../../shared/errors.ts';
import { type OutputChunk, type ReadOutput, ReadOutputSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { printable } from '../../shared/printable.ts';
import { overloaded } from '../engine/pending-calls.ts';

/** Reads under way on one stream. Each can bring 64 KiB. */
const MAX_REQUESTS = 64;
const ANSWER_TIMEOUT_MS = 5_000;

/** What to read. */
export interface OutputQuestion {
  readonly run: string;
  readonly epoch: bigint;
  /** Negative: that many bytes before the end. */
  readonly offset: bigint;
}

interface Waiting {
  readonly resolve: (chunk: OutputChunk) => void;
  readonly reject: (error: LocumError) => void;
  readonly timer: NodeJS.Timeout;
}

export class OutputRequests {
  readonly #waiting = new Map<bigint, Waiting>();
  #last = 0n;

  /** `ask` sends the request. @throws LocumError OVERLOADED, AGENT_UNREACHABLE */
  read(question: OutputQuestion, ask: (request: ReadOutput) => void): Promise<OutputChunk> {
    if (this.#waiting.size >= MAX_REQUESTS) {
      throw overloaded(`${MAX_REQUESTS} reads of output from this server are under way`);
    }
    this.#last += 1n;
    const requestId = this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<OutputChunk>();
    const timer = setTimeout(() => {
      this.#waiting.delete(requestId);
      reject(
        new LocumError('AGENT_UNREACHABLE', 'the agent did not answer in time: repeat later', { retryAfterMs: 1_000 }),
      );
    }, ANSWER_TIMEOUT_MS);
    this.#waiting.set(requestId, { resolve, reject, timer });
    ask(create(ReadOutputSchema, { requestId, ...question, limit: LIMITS.outputBytes }));
    return promise;
  }

  /** An answer. One that nobody waits for any more is dropped. */
  settle(chunk: OutputChunk): void {
    const waiting = this.#waiting.get(chunk.requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(chunk.requestId);
    clearTimeout(waiting.timer);
    if (chunk.error === '') waiting.resolve(chunk);
    else waiting.reject(new LocumError('OUTPUT_NOT_FOUND', printable(chunk.error)));
  }

  /** The stream is gone. */
  failAll(error: LocumError): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}
