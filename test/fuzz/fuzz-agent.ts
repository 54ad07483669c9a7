/** An agent without a network: it joins, obeys, and says whatever it is told to say. */
import { Duplex } from 'node:stream';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import type { RawCall } from '../../controller/agents/agent-stream.ts';
import {
  CommandOutcome,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';

/** What grpc-js gives for a call: a stream of bytes both ways. What is pushed is what the agent said. */
class Call extends Duplex {
  readonly #onSent: (bytes: Buffer) => void;
  status: Partial<grpc.ServiceError> | undefined;

  constructor(onSent: (bytes: Buffer) => void) {
    super({ objectMode: true });
    this.#onSent = onSent;
    this.on('error', (error: Partial<grpc.ServiceError>) => {
      this.status = error;
      this.end();
    });
  }

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.#onSent(bytes);
    done();
  }

  getPeer(): string {
    return '127.0.0.1:1';
  }
}

type Said = NonNullable<
  Exclude<MessageInitShape<typeof ConnectRequestSchema>, { readonly $typeName: string }>['message']
>;

export class FuzzAgent {
  readonly server: string;
  readonly #pool: string;
  readonly #call: Call;
  #generation = 0n;
  #sequence = 0;
  #granted = -1;
  /** What it holds, newest last. */
  readonly held: { readonly run: string; readonly epoch: bigint }[] = [];
  /** The newest command, answered or not. */
  lastCommandId = 0n;

  constructor(server: string, pool: string) {
    this.server = server;
    this.#pool = pool;
    this.#call = new Call((bytes) => this.#receive(fromBinary(ConnectResponseSchema, bytes)));
  }

  /** To be handed to the streams of the controller. */
  get call(): RawCall {
    // Of a call the streams use what a Duplex has, and who the peer is.
    return this.#call as unknown as RawCall;
  }

  /** Whether the controller ended the stream. */
  get isOver(): boolean {
    return this.#call.status !== undefined || this.#call.writableEnded;
  }

  /** The status that it ended with, if that is one that no input should get. */
  get defect(): string | undefined {
    const { status } = this.#call;
    const isDefect = status?.code === grpc.status.INTERNAL || status?.code === grpc.status.UNKNOWN;
    return isDefect ? `${status.code} ${status.details}` : undefined;
  }

  join(): void {
    const { server } = this;
    const place = { instanceId: `instance-${server}`, machineId: `machine-${server}`, bootId: `boot-${server}` };
    const attempts = this.held.map((ref) => ({ ...ref, state: AttemptState.RUNNING, pid: 7 }));
    const value = {
      server,
      pool: this.#pool,
      ...place,
      uptime: { seconds: 1_000n },
      agentVersion: 'fuzz',
      attempts,
      lastPart: true,
    };
    this.say({ case: 'hello', value });
  }

  say(message: Said): void {
    this.sayBytes(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { message } as never)));
  }

  sayBytes(bytes: Uint8Array): void {
    if (!this.isOver) this.#call.push(Buffer.from(bytes));
  }

  /** Sends a heartbeat; true once it, or a later one, is granted. */
  async heartbeat(withinMs: number): Promise<boolean> {
    this.#sequence += 1;
    const wanted = this.#sequence;
    this.say({ case: 'heartbeat', value: { sequence: BigInt(wanted), generation: this.#generation } });
    const giveUpMs = performance.now() + withinMs;
    while (this.#granted < wanted && performance.now() < giveUpMs)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return this.#granted >= wanted;
  }

  close(): void {
    this.#call.emit('cancelled');
    this.#call.destroy();
  }

  #receive({ message }: ConnectResponse): void {
    if (message.case === 'welcome') this.#generation = 1n;
    if (message.case === 'grant') this.#granted = Number(message.value.sequence);
    if (message.case === 'verdicts') this.#generation = message.value.generation;
    if (message.case === 'readOutput') {
      const { requestId } = message.value;
      this.say({ case: 'outputChunk', value: { requestId, data: new Uint8Array(8), size: 8n, end: true } });
    }
    if (message.case !== 'startAttempt' && message.case !== 'stopAttempt') return;
    const { run, epoch, commandId, generation } = message.value;
    this.#generation = generation;
    this.lastCommandId = commandId;
    this.say({ case: 'commandResult', value: { commandId, outcome: CommandOutcome.APPLIED, pid: 7 } });
    if (message.case === 'startAttempt') {
      this.held.push({ run, epoch });
      if (this.held.length > 20) this.held.shift();
      this.say({ case: 'attemptReport', value: { attempts: [{ run, epoch, state: AttemptState.RUNNING, pid: 7 }] } });
    } else {
      this.held.splice(0, this.held.length, ...this.held.filter((one) => one.epoch !== epoch));
      this.say({ case: 'attemptReport', value: { attempts: [{ run, epoch, state: AttemptState.ENDED }] } });
    }
  }
}
