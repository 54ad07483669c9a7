/** The keeper's unix socket: one agent at a time, the newest one counts. */
import { create } from '@bufbuild/protobuf';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity, status } from '@grpc/grpc-js';
import { messageOf } from '../shared/caught-error.ts';
import {
  type AttachRequest,
  Containment as ContainmentEnum,
  KeeperService,
  type Open,
  OpenedSchema,
} from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import type { Containment } from '../shared/host/containment.ts';
import { KEEPER_MESSAGE_LIMIT_BYTES } from '../shared/keeper/message-limit.ts';
import { listenerOptions } from '../shared/rpc/channel-options.ts';
import { addService } from '../shared/rpc/grpc-js-binding.ts';
import { toDuration } from '../shared/rpc/time-messages.ts';
import { type Attempt, keptAttempt } from './attempt.ts';
import { type AgentStream, Connection, type Response } from './connection.ts';
import {
  handleExtend,
  handleForget,
  handleRead,
  handleStart,
  handleStop,
  noteTerm,
  type Outcome,
  type ReadOutcome,
  type RequestTools,
} from './requests.ts';

/** What the listener needs of the keeper around it. */
export interface ListenerOptions {
  readonly tools: RequestTools;
  readonly containment: Containment;
  readonly version: string;
  /** The agent asks the keeper to end. */
  readonly onExit: (options: { readonly stopAll: boolean }) => void;
  /** An agent came, or the last one went. */
  readonly onAttachment: () => void;
}

export class Listener {
  private readonly options: ListenerOptions;
  private readonly server: Server;
  private connection: Connection | undefined;
  /** While the keeper waits for the agent to say Goodbye: monotonic time until which it waits. */
  private leavingUntilMs: number | undefined;

  constructor(options: ListenerOptions) {
    this.options = options;
    // grpc-js writes lines of its own to stderr.
    setLogVerbosity(logVerbosity.NONE);
    this.server = new Server({
      ...listenerOptions,
      'grpc.max_receive_message_length': KEEPER_MESSAGE_LIMIT_BYTES,
      'grpc.max_send_message_length': KEEPER_MESSAGE_LIMIT_BYTES,
    });
    addService(this.server, KeeperService, { attach: (stream) => this.accept(stream) });
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  get hasAgent(): boolean {
    return this.connection !== undefined;
  }

  announce(attempt: Attempt): void {
    this.connection?.announce(attempt);
  }

  /** The host shuts down. An agent that attaches meanwhile is told, too. */
  leave(withinMs: number): void {
    this.leavingUntilMs = performance.now() + withinMs;
    this.tellLeaving();
  }

  /** Sends what is waiting, then closes. */
  close(): Promise<void> {
    this.connection?.end(undefined);
    return new Promise((resolve) => {
      // An agent that is stopped reads nothing and would hold us for ever.
      const timer = setTimeout(() => this.server.forceShutdown(), 500);
      this.server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Takes a new stream; it is nobody's until its first message. */
  accept(stream: AgentStream): void {
    let connection: Connection | undefined;
    stream.on('data', (request: AttachRequest) => {
      if (connection !== undefined) {
        this.take(connection, request);
        return;
      }
      if (request.request.case === 'open') connection = this.attach(stream, request.request.value);
      else stream.emit('error', { code: status.INVALID_ARGUMENT, details: 'the first message is Open' });
    });
    const lose = (): void => {
      if (connection !== undefined) this.detach(connection);
    };
    stream.on('cancelled', lose);
    stream.on('end', lose);
    // Said by `cancelled` or `end` as well; without a listener it would end the keeper.
    stream.on('error', lose);
  }

  /** What an older connection sent and was not read counts no more (A9). */
  private attach(stream: AgentStream, { agentPid, agentVersion }: Open): Connection {
    const { tools, containment, version } = this.options;
    const connection = new Connection(stream, agentPid);
    const older = this.connection;
    this.connection = connection;
    older?.end({ code: status.ABORTED, details: `agent process ${agentPid} attached in place of this one` });
    tools.log.info(`agent ${agentVersion} attached (process ${agentPid})`);
    const value = create(OpenedSchema, {
      keeperPid: process.pid,
      keeperVersion: version,
      containment: containment.kind === 'cgroup' ? ContainmentEnum.CGROUP : ContainmentEnum.PROCESS_GROUP,
      attempts: Array.from(tools.table.all(), keptAttempt),
      highestTerm: BigInt(tools.journal.state.highestTerm),
    });
    connection.send({ case: 'opened', value });
    this.tellLeaving();
    this.options.onAttachment();
    return connection;
  }

  private detach(connection: Connection): void {
    connection.end(undefined);
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.options.tools.log.info(`the agent is gone (process ${connection.agentPid})`);
    this.options.onAttachment();
  }

  private tellLeaving(): void {
    if (this.leavingUntilMs === undefined) return;
    const within = toDuration(Math.max(0, this.leavingUntilMs - performance.now()));
    this.connection?.send({ case: 'leaving', value: { within } });
  }

  /** Requests of one connection are taken up in the order in which they came; answers come as they are ready. */
  private take(connection: Connection, { requestId, request }: AttachRequest): void {
    if (connection.over) return;
    void this.answer(request)
      .catch((error: unknown): Answer => {
        this.options.tools.log.error(`a request failed: ${messageOf(error)}`);
        return result({ ok: false, reason: 'INTERNAL', detail: messageOf(error) });
      })
      .then((answer) => {
        const response = withId(answer, requestId);
        if (response !== undefined) connection.send(response);
      });
  }

  private async answer(request: AttachRequest['request']): Promise<Answer> {
    const { tools } = this.options;
    switch (request.case) {
      case 'start':
        return result(await handleStart(request.value, tools));
      case 'extend':
        return result(handleExtend(request.value, tools));
      case 'stop':
        return result(await handleStop(request.value, tools));
      case 'forget':
        return result(handleForget(request.value, tools));
      case 'read':
        return { kind: 'readResult', value: await handleRead(request.value, tools) };
      case 'ping':
        noteTerm(Number(request.value.highestTerm), tools);
        return { kind: 'pong' };
      case 'exit':
        this.options.onExit({ stopAll: request.value.stopAll });
        return result({ ok: true });
      case 'open':
      case undefined:
        return result({ ok: false, reason: 'INVALID_REQUEST', detail: 'this keeper does not know what is asked' });
    }
  }
}

type Answer =
  | { readonly kind: 'result'; readonly value: Outcome }
  | { readonly kind: 'readResult'; readonly value: ReadOutcome }
  | { readonly kind: 'pong' };

const result = (value: Outcome): Answer => ({ kind: 'result', value });

/** A request without an id wants no Result. */
function withId(answer: Answer, requestId: bigint): Response | undefined {
  switch (answer.kind) {
    case 'result':
      return requestId === 0n ? undefined : { case: 'result', value: { ...answer.value, requestId } };
    case 'readResult':
      return { case: 'readResult', value: { ...answer.value, requestId } };
    case 'pong':
      return { case: 'pong', value: {} };
  }
}
