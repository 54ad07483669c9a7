/**
 * One process that plays many agents over real sockets, each with a connection of its own. They share one timer: a heartbeat costs
 * a few hundred bytes here, and the server is what is measured.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { AgentService, type ConnectRequest, ConnectRequestSchema } from '../shared/gen/locum/v1/agent_service_pb.ts';
import { clientOptions } from '../shared/rpc/channel-options.ts';
import { SERVER_NAME } from '../shared/rpc/tls-identity.ts';

/** How many agents say Hello and wait for the answer at the same time, if nothing else is asked for. */
const JOINING_AT_ONCE = 50;
/** Resolution of the shared timer. */
const TICK_MS = 5;

const bytes = (buffer: Buffer): Buffer => buffer;

interface Agent {
  readonly call: grpc.ClientDuplexStream<Buffer, Buffer>;
  readonly client: grpc.Client;
  sequence: number;
  sentMono: number;
}

/** What the agents saw since the last `takeFigures`. */
export interface SwarmFigures {
  readonly answers: number;
  /** Sorted round trips in milliseconds. */
  readonly roundTripsMs: readonly number[];
}

export class Swarm {
  readonly #address: string;
  readonly #agents: Agent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #roundTripsMs: number[] = [];
  /** Streams that ended although nobody closed them. */
  lost = 0;

  readonly #credentialsOf: (server: string) => Promise<grpc.ChannelCredentials>;

  /** Default: plaintext. */
  constructor(address: string, credentialsOf = async (_server: string) => grpc.credentials.createInsecure()) {
    this.#address = address;
    this.#credentialsOf = credentialsOf;
  }

  /** Connects more agents, with ids `bench-1` and so on; resolves when each of them got its first answer. `atOnce` of them at a time. */
  async join(count: number, atOnce = JOINING_AT_ONCE): Promise<void> {
    const before = this.#agents.length;
    for (let i = 0; i < count; i += atOnce) {
      const some = Math.min(atOnce, count - i);
      await Promise.all(Array.from({ length: some }, (_, k) => this.#join(before + i + k + 1)));
    }
  }

  /** Every agent sends a heartbeat each interval, evenly spread over it, from now on. */
  beat(intervalMs: number): void {
    this.stop();
    const startMono = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMono) / intervalMs) * this.#agents.length);
      for (; sent < due; sent += 1) this.#heartbeat(this.#agents[sent % this.#agents.length]);
    }, TICK_MS);
  }

  takeFigures(): SwarmFigures {
    const roundTripsMs = this.#roundTripsMs.sort((a, b) => a - b);
    this.#roundTripsMs = [];
    return { answers: roundTripsMs.length, roundTripsMs };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    for (const { call, client } of this.#agents) {
      call.removeAllListeners('status');
      call.cancel();
      client.close();
    }
  }

  async #join(number: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const options = { ...clientOptions, 'grpc.ssl_target_name_override': SERVER_NAME };
    const client = new grpc.Client(this.#address, await this.#credentialsOf(`bench-${number}`), options);
    const { typeName } = AgentService;
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(`/${typeName}/Connect`, bytes, bytes);
    const agent: Agent = { call, client, sequence: 0, sentMono: 0 };
    call.on('data', () => {
      if (agent.sequence === 0) resolve();
      else this.#roundTripsMs.push(performance.now() - agent.sentMono);
    });
    call.on('error', reject);
    call.on('status', () => {
      this.lost += 1;
    });
    call.write(helloOf(`bench-${number}`));
    await promise;
    // No heartbeat before.
    this.#agents.push(agent);
  }

  #heartbeat(agent: Agent | undefined): void {
    if (agent === undefined) return;
    agent.sequence += 1;
    agent.sentMono = performance.now();
    agent.call.write(encode({ case: 'heartbeat', value: { sequence: BigInt(agent.sequence), generation: 1n } }));
  }
}

type MessageInit = {
  readonly case: 'heartbeat';
  readonly value: { readonly sequence: bigint; readonly generation: bigint };
};

function encode(message: MessageInit | Extract<ConnectRequest['message'], { case: 'hello' }>): Buffer {
  return Buffer.from(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { message })));
}

function helloOf(server: string): Buffer {
  const place = { instanceId: `instance-${server}`, machineId: `machine-${server}`, bootId: 'boot' };
  const value = { server, ...place, uptime: { seconds: 1000n }, agentVersion: 'bench', lastPart: true };
  return Buffer.from(
    toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { message: { case: 'hello', value } })),
  );
}
