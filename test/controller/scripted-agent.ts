/** An agent that says what a test tells it to, over a real socket. It answers nothing by itself unless asked to. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import type { LocumError } from '../../shared/errors.ts';
import {
  AgentService,
  type AttemptStatus,
  CommandOutcome,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  type HelloSchema,
  type StartAttempt,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { clientOptions } from '../../shared/rpc/channel-options.ts';
import { makeClient, openBidi, type ServiceClient } from '../../shared/rpc/grpc-js-binding.ts';
import { fromGrpcError } from '../../shared/rpc/grpc-status.ts';

type Said = NonNullable<
  Exclude<MessageInitShape<typeof ConnectRequestSchema>, { readonly $typeName: string }>['message']
>;
type HelloInit = Omit<Exclude<MessageInitShape<typeof HelloSchema>, { readonly $typeName: string }>, '$typeName'>;
export type Message = ConnectResponse['message'];
/** What each message carries, by its case. */
export type Values = { readonly [M in Exclude<Message, { case: undefined }> as M['case']]: M['value'] };

export interface StreamEnd {
  readonly code: grpc.status;
  readonly details: string;
  readonly error: LocumError | undefined;
}

/** One stream; tests make another one to connect again. */
export class ScriptedAgent {
  readonly server: string;
  readonly call: grpc.ClientDuplexStream<ConnectRequest, ConnectResponse>;
  /** How the stream ended. */
  readonly ended: Promise<StreamEnd>;
  readonly #client: ServiceClient<typeof AgentService>;
  readonly #received: ConnectResponse[] = [];
  #arrived = Promise.withResolvers<void>();
  #sequence = 0;
  #generation = 0n;
  #beats: NodeJS.Timeout | undefined;
  /** Whether the stream has ended. */
  isOver = false;

  constructor(address: string, server: string) {
    this.server = server;
    this.#client = makeClient(AgentService, address, grpc.credentials.createInsecure(), clientOptions);
    const call = openBidi(this.#client, AgentService.method.connect);
    this.call = call;
    const { promise, resolve } = Promise.withResolvers<StreamEnd>();
    this.ended = promise;
    call.on('error', () => undefined);
    call.on('status', (status) => {
      const error = status.code === grpc.status.OK ? undefined : fromGrpcError(status);
      this.isOver = true;
      resolve({ code: status.code, details: status.details, error });
    });
    call.on('data', (message: ConnectResponse) => this.#receive(message));
  }

  say(message: Said): void {
    const request: MessageInitShape<typeof ConnectRequestSchema> = { message };
    this.call.write(create(ConnectRequestSchema, request));
  }

  hello(more: HelloInit = {}): void {
    const { server } = this;
    const place = { instanceId: `instance-${server}`, machineId: `machine-${server}`, bootId: `boot-${server}` };
    const uptime = { seconds: 1000n };
    this.say({ case: 'hello', value: { server, ...place, uptime, agentVersion: 'test', lastPart: true, ...more } });
  }

  heartbeat(): void {
    this.#sequence += 1;
    this.say({
      case: 'heartbeat',
      value: { sequence: BigInt(this.#sequence), generation: this.#generation },
    });
  }

  /** Sends a heartbeat and waits until it, or a later one, is granted. */
  async grantedFromNow(): Promise<void> {
    this.heartbeat();
    const wanted = BigInt(this.#sequence);
    while ((await this.next('grant')).sequence < wanted);
  }

  /** Heartbeats, and a process for every start, until the end or `silent`. */
  live(intervalMs: number): void {
    this.#beats = setInterval(() => this.heartbeat(), intervalMs).unref();
    this.call.on('data', ({ message }: ConnectResponse) => this.#obey(message));
  }

  /** No more heartbeats, on a stream that stays open. */
  silent(): void {
    clearInterval(this.#beats);
  }

  /** Waits for the next message of this case and takes it, with what came before it. Rejects when the stream ends first. */
  async next<Case extends keyof Values>(wanted: Case): Promise<Values[Case]> {
    for (;;) {
      const { message } = this.#received.shift() ?? {};
      if (message === undefined) await this.#arrival(String(wanted));
      else if (message.case === wanted) return message.value as Values[Case];
    }
  }

  async #arrival(wanted: string): Promise<void> {
    const ended = this.ended.then(({ code, details }): void => {
      if (this.#received.length === 0) throw new Error(`stream ended before ${wanted}: ${code} ${details}`);
    });
    await Promise.race([this.#arrived.promise, ended]);
  }

  /** Hello and its Welcome. */
  async join(more: HelloInit = {}): Promise<Values['welcome']> {
    this.hello(more);
    return this.next('welcome');
  }

  close(): void {
    this.silent();
    this.call.cancel();
    this.#client.close();
  }

  #receive(response: ConnectResponse): void {
    const { message } = response;
    if (message.case === 'welcome') this.#generation = 1n;
    if (message.case === 'startAttempt' || message.case === 'stopAttempt' || message.case === 'verdicts') {
      this.#generation = message.value.generation;
    }
    this.#received.push(response);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  #obey(message: Message): void {
    if (message.case !== 'startAttempt' && message.case !== 'stopAttempt') return;
    const { commandId } = message.value;
    this.say({ case: 'commandResult', value: { commandId, outcome: CommandOutcome.APPLIED, pid: 4711 } });
    const attempts = message.case === 'startAttempt' ? [runningStatus(message.value)] : [endedStatus(message.value)];
    this.say({ case: 'attemptReport', value: { attempts } });
  }
}

type StatusInit = Pick<AttemptStatus, 'run' | 'epoch' | 'state'> & {
  readonly pid?: number;
  readonly end?: { readonly cause: EndCause };
};

export const runningStatus = ({ run, epoch }: Pick<StartAttempt, 'run' | 'epoch'>): StatusInit => {
  return { run, epoch, state: AttemptState.RUNNING, pid: 4711 };
};

export const endedStatus = ({ run, epoch }: Pick<StartAttempt, 'run' | 'epoch'>): StatusInit => {
  return { run, epoch, state: AttemptState.ENDED, end: { cause: EndCause.STOPPED } };
};
