/**
 * One agent at the other end of a stream. What waits to be sent is bounded: of an attempt only its newest form is kept, and an
 * agent that reads no answers is not asked for further requests.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AttachRequest,
  type AttachResponse,
  AttachResponseSchema,
} from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { type Attempt, keptAttempt } from './attempt.ts';

/** As much of a grpc-js stream as is needed here. */
export interface AgentStream {
  on(event: 'data', listener: (request: AttachRequest) => void): unknown;
  on(event: 'drain' | 'end' | 'cancelled' | 'error', listener: () => void): unknown;
  /** False: what is written from now on is queued in memory, until `drain`. */
  write(response: AttachResponse): boolean;
  end(): unknown;
  /** Ends the stream with this status. */
  emit(event: 'error', status: { readonly code: number; readonly details: string }): boolean;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
}

export type Response = NonNullable<MessageInitShape<typeof AttachResponseSchema>['response']>;

/** Answers that may wait; past it no further request is read until the agent has read some. */
const MAX_WAITING = 64;

export class Connection {
  readonly agentPid: number;
  private readonly stream: AgentStream;
  private readonly changed = new Set<Attempt>();
  private readonly waiting: Response[] = [];
  private isFull = false;
  private isOver = false;

  constructor(stream: AgentStream, agentPid: number) {
    this.stream = stream;
    this.agentPid = agentPid;
    stream.on('drain', () => {
      this.isFull = false;
      this.flush();
    });
  }

  /** Whether it was replaced, or has ended: nothing that comes from it counts any more, whenever it was sent. */
  get over(): boolean {
    return this.isOver;
  }

  /** An attempt is not as the agent knows it. Sent before every answer that is given later. */
  announce(attempt: Attempt): void {
    this.changed.add(attempt);
    this.flush();
  }

  send(response: Response): void {
    if (this.isOver) return;
    this.waiting.push(response);
    this.flush();
    if (this.waiting.length > MAX_WAITING) this.stream.pause();
  }

  /** Ends it, with words for the other side's log. */
  end(error: { readonly code: number; readonly details: string } | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    this.changed.clear();
    this.waiting.length = 0;
    if (error === undefined) this.stream.end();
    else this.stream.emit('error', error);
  }

  private flush(): void {
    if (this.isOver) return;
    for (const attempt of this.changed) {
      if (this.isFull) return;
      this.changed.delete(attempt);
      this.write({ case: 'changed', value: { attempt: keptAttempt(attempt) } });
    }
    // Changes first, always; so one that changes again during a jam is told in its newest form only.
    while (!this.isFull) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      this.write(next);
    }
    if (this.waiting.length === 0 && this.stream.isPaused()) this.stream.resume();
  }

  private write(response: Response): void {
    this.isFull = !this.stream.write(create(AttachResponseSchema, { response }));
  }
}
