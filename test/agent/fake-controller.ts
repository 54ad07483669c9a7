/** A controller that a test plays by hand, over a real socket: it takes Hellos, grants heartbeats, and says what it is told to. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { present } from '../../shared/assert.ts';
import type { LocumError } from '../../shared/errors.ts';
import {
  AgentService,
  type AttemptReport,
  type AttemptStatus,
  type CommandResult,
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  type FullState,
  type Goodbye,
  type Heartbeat,
  type Hello,
  type OutputChunk,
  VerdictAction,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { OnDisconnect, type WorkloadSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import { listenerOptions } from '../../shared/rpc/channel-options.ts';
import { addService } from '../../shared/rpc/grpc-js-binding.ts';
import { toGrpcError } from '../../shared/rpc/grpc-status.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';

export const TERM = firstOfIncarnation(1) + 1;
/** Far above what a loaded machine needs; a test that reaches it has failed. */
const PATIENCE_MS = 40_000;

type Call = ServerDuplexStream<ConnectRequest, ConnectResponse>;

/** What an agent says, by the name of its field. */
interface Messages {
  hello: Hello;
  heartbeat: Heartbeat;
  attemptReport: AttemptReport;
  commandResult: CommandResult;
  fullState: FullState;
  goodbye: Goodbye;
  outputChunk: OutputChunk;
}

export interface StartChange {
  readonly run?: string;
  readonly epoch?: bigint;
  readonly onDisconnect?: OnDisconnect;
  /** Default: FAST.leaseMs. */
  readonly leaseMs?: number;
}

/** Timers for tests with real processes: three heartbeats fit into the lease with room to spare. */
export const FAST = { heartbeatMs: 200, leaseMs: 3_000, stopTimeoutMs: 1_000, killGuardMs: 1_000 };

export class FakeController {
  clusterId = 'cluster-a';
  term = TERM;
  /** Answers each Hello with KEEP for everything that lives in it. False: the test answers. */
  welcomes = true;
  readonly sessions: FakeSession[] = [];
  /** Runs at each complete Hello; false: that Hello is not welcomed by itself. */
  onHello: (session: FakeSession) => boolean = () => true;
  readonly #server = new Server(listenerOptions);
  #port = 0;
  #waiting: Array<() => void> = [];

  static async start(): Promise<FakeController> {
    const controller = new FakeController();
    addService(controller.#server, AgentService, {
      connect: (call: Call) => controller.#accept(call),
      renewCertificate: (_call, answer) => answer({ code: status.UNIMPLEMENTED }),
    });
    await controller.#listen(0);
    return controller;
  }

  async #listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
    this.#port = await promise;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  #accept(call: Call): void {
    const session = new FakeSession(call, this, () => {
      this.sessions.push(session);
      for (const wake of this.#waiting.splice(0)) wake();
      if (this.welcomes && this.onHello(session)) session.welcome();
    });
  }

  /** The n-th session that said Hello, from 0. */
  async session(n = 0): Promise<FakeSession> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (this.sessions[n] === undefined) {
      if (performance.now() > giveUpAt) throw new Error(`session ${n} did not come; there are ${this.sessions.length}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 200);
      });
    }
    return present(this.sessions[n], 'just seen');
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

export class FakeSession {
  /** Everything that was said so far, oldest first. */
  readonly said: { readonly [K in keyof Messages]: Messages[K][] } = {
    ...{ hello: [], heartbeat: [], attemptReport: [], commandResult: [], fullState: [], goodbye: [], outputChunk: [] },
  };
  ended = false;
  /** Grants every heartbeat as it comes. */
  grants = true;
  generation = 1;
  covered = 0;
  readonly #call: Call;
  readonly #controller: FakeController;
  #lastCommand = 0;
  #waiting: Array<() => void> = [];

  constructor(call: Call, controller: FakeController, onHello: () => void) {
    this.#call = call;
    this.#controller = controller;
    call.on('data', (request: ConnectRequest) => {
      this.#keep(request);
      if (request.message.case === 'hello' && request.message.value.lastPart) onHello();
      if (request.message.case === 'heartbeat') this.#grant(Number(request.message.value.sequence));
      this.#wake();
    });
    const end = (): void => {
      this.ended = true;
      this.#wake();
    };
    call.on('cancelled', end);
    call.on('end', () => {
      end();
      call.end();
    });
    call.on('error', end);
  }

  #keep({ message }: ConnectRequest): void {
    const { said } = this;
    if (message.case === 'hello') said.hello.push(message.value);
    else if (message.case === 'heartbeat') said.heartbeat.push(message.value);
    else if (message.case === 'attemptReport') said.attemptReport.push(message.value);
    else if (message.case === 'commandResult') said.commandResult.push(message.value);
    else if (message.case === 'fullState') said.fullState.push(message.value);
    else if (message.case === 'goodbye') said.goodbye.push(message.value);
    else if (message.case === 'outputChunk') said.outputChunk.push(message.value);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  get hello(): Hello {
    return present(this.said.hello[0], 'a session has said Hello');
  }

  get inventory(): readonly AttemptStatus[] {
    return this.said.hello.flatMap(({ attempts }) => attempts);
  }

  say(message: MessageInitShape<typeof ConnectResponseSchema>['message'] & object): void {
    this.#call.write(create(ConnectResponseSchema, { term: BigInt(this.#controller.term), message }));
  }

  welcome(): void {
    const living = this.inventory.filter(({ state }) => state !== AttemptState.ENDED);
    this.say({
      case: 'welcome',
      value: {
        session: `${this.#controller.term}-${this.#controller.sessions.length}`,
        clusterId: this.#controller.clusterId,
        uid: 'server-uid',
        timers: { heartbeatInterval: toDuration(FAST.heartbeatMs), lease: toDuration(FAST.leaseMs) },
        verdicts: living.map(({ run, epoch }) => ({ run, epoch, action: VerdictAction.KEEP, reason: '' })),
      },
    });
  }

  #grant(sequence: number): void {
    if (!this.grants) return;
    this.covered = sequence;
    this.say({ case: 'grant', value: { sequence: BigInt(sequence), generation: BigInt(this.generation) } });
  }

  /** A start with short terms; default: STOP. Returns the command's id. */
  start(
    workload: MessageInitShape<typeof WorkloadSchema>,
    { leaseMs = FAST.leaseMs, ...change }: StartChange = {},
  ): bigint {
    this.#lastCommand += 1;
    this.generation += 1;
    const commandId = BigInt(this.#lastCommand);
    const numbers = { commandId, generation: BigInt(this.generation), sequence: BigInt(this.covered) };
    const terms = {
      onDisconnect: OnDisconnect.STOP,
      lease: toDuration(leaseMs),
      stopTimeout: toDuration(FAST.stopTimeoutMs),
      killGuard: toDuration(FAST.killGuardMs),
    };
    const value = { run: 'import-1', policy: 'import', epoch: 7n, slots: 1, workload, ...numbers, ...terms, ...change };
    this.say({ case: 'startAttempt', value });
    return commandId;
  }

  stop(run = 'import-1', epoch = 7n): void {
    this.#lastCommand += 1;
    this.generation += 1;
    const numbers = { commandId: BigInt(this.#lastCommand), generation: BigInt(this.generation) };
    this.say({ case: 'stopAttempt', value: { ...numbers, run, epoch, reason: 'TEST' } });
  }

  /** Ends the stream with an error, or normally. */
  end(error?: LocumError): void {
    if (error === undefined) this.#call.end();
    else this.#call.emit('error', toGrpcError(error));
  }

  /** The first thing of a kind that fits, now or later. */
  async heard<K extends keyof Messages>(
    kind: K,
    fits: (value: Messages[K]) => boolean = () => true,
  ): Promise<Messages[K]> {
    let found: Messages[K] | undefined;
    await this.#until(() => {
      found = this.said[kind].find(fits);
      return found !== undefined;
    }, `the agent to say ${kind}`);
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** The state of an attempt in reports. */
  attempt(state: AttemptState, run = 'import-1'): Promise<AttemptStatus> {
    const find = (report: AttemptReport) => report.attempts.find((a) => a.run === run && a.state === state);
    return this.heard('attemptReport', (report) => find(report) !== undefined).then((report) => {
      return present(find(report), 'it was just found');
    });
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  whenEnded(): Promise<void> {
    return this.#until(() => this.ended, 'the stream to end');
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!done()) {
      if (performance.now() > giveUpAt) throw new Error(`waited too long for ${what}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 200);
      });
    }
  }
}
