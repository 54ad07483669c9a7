/** Reads of output that one agent was asked for and has not answered. */
import { LocumError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/limits.ts';
import { printable } from '../../shared/printable.ts';
import type { OutputAnswer, OutputChunk } from '../../shared/protocol/agent-message.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import type { ReadOutput } from '../../shared/protocol/leader-message.ts';
import { overloaded } from '../engine/pending-calls.ts';

/** Reads under way on one stream. Each can bring 64 KiB. */
const MAX_REQUESTS = 64;
const ANSWER_TIMEOUT_MS = 5_000;

/** What to read. */
export interface OutputQuestion extends AttemptRef {
  /** Negative: that many bytes before the end. */
  readonly offset: number;
  /** Only lines of then and later, milliseconds since 1970. Undefined: all. */
  readonly sinceWall?: number | undefined;
}

interface Waiting {
  readonly resolve: (chunk: OutputChunk) => void;
  readonly reject: (error: LocumError) => void;
  readonly timer: NodeJS.Timeout;
}

export class OutputRequests {
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  /** `ask` sends the request. @throws LocumError OVERLOADED, AGENT_UNREACHABLE */
  read(question: OutputQuestion, ask: (request: ReadOutput) => void): Promise<OutputChunk> {
    if (this.#waiting.size >= MAX_REQUESTS) {
      throw overloaded(`${MAX_REQUESTS} reads of output from this server are under way`);
    }
    this.#last += 1;
    const requestId = this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<OutputChunk>();
    const timer = setTimeout(() => {
      this.#waiting.delete(requestId);
      reject(
        new LocumError('AGENT_UNREACHABLE', 'the agent did not answer in time: repeat later', { retryAfterMs: 1_000 }),
      );
    }, ANSWER_TIMEOUT_MS);
    this.#waiting.set(requestId, { resolve, reject, timer });
    ask({ kind: 'read_output', requestId, ...question, limit: LIMITS.outputBytes });
    return promise;
  }

  /** An answer. One that nobody waits for any more is dropped. */
  settle({ requestId, chunk }: OutputAnswer): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(requestId);
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
