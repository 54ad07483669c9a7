/**
 * One agent stream: bytes in → events of the core, messages of the core → bytes out. It knows the order of the protocol (Hello
 * first, and once) and its bounds; what is said is the core's affair.
 */
import type * as grpc from '@grpc/grpc-js';
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { assert } from '../../shared/assert.ts';
import { agentMessageFromProto } from '../../shared/codec/agent-message.ts';
import { encodeLeaderMessage } from '../../shared/codec/leader-message.ts';
import { internalError, LocumError } from '../../shared/errors.ts';
import type { ServerId } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Pace } from '../../shared/pace.ts';
import type {
  AgentMessage,
  Capacity,
  FullState,
  Heartbeat,
  Hello,
  HelloFacts,
  OutputChunk,
} from '../../shared/protocol/agent-message.ts';
import { certificateWord } from '../../shared/protocol/certificate-facts.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import { refusedBy, type StartRefusal } from '../../shared/protocol/start-refusal.ts';
import { toGrpcError } from '../../shared/rpc/grpc-status.ts';
import type { FromAgent } from '../core/cluster/event.ts';
import type { ConnId } from '../core/records/state.ts';
import { decodeRequest } from './agent-message.ts';
import { AttemptParts } from './attempt-parts.ts';
import { certifiedHello } from './certified-hello.ts';
import { grantBytes, readHeartbeat } from './heartbeat-bytes.ts';
import { HeldFacts } from './held-facts.ts';
import { Outbox, type OutboxLimits } from './outbox.ts';
import { type OutputQuestion, OutputRequests } from './output-requests.ts';

/** The call as grpc-js gives it; both directions carry bytes, so that sizes are known and bad ones get an answer of ours. */
export type RawCall = grpc.ServerDuplexStream<Buffer, Buffer>;

/** Takes what a stream brings, in the order in which it came. */
export interface AgentStreamOwner {
  /** Of the leader; goes with each message. */
  term(): number;
  /** Takes an event. False: no room now; `resume` is called when there is. */
  deliver(event: FromAgent): boolean;
  /** No more will come. Told once. */
  ended(): void;
  /** The call is over on the wire too. Told once. */
  gone(): void;
  /** This side ends the stream for something that the agent did. */
  refused(error: LocumError): void;
}

export interface AgentStreamOptions {
  readonly conn: ConnId;
  readonly call: RawCall;
  readonly owner: AgentStreamOwner;
  /** Milliseconds of a monotonic clock. */
  readonly mono: () => number;
  readonly outboxLimits: OutboxLimits;
  /** What the certificate of the connection says. Undefined: there is none, the agent is taken at its word. */
  readonly certificate?: AcceptedPeer | undefined;
  /** How often a server may tell something new of its host, by its name. */
  readonly newsPace: Pace;
}

/** Time for the whole first message, and for a stream that was told to end. */
export const HELLO_TIMEOUT_MS = 5_000;
/** A stream that hands on nothing of what waits for this long is given up. */
export const STUCK_MS = 5_000;

export class AgentStream {
  readonly conn: ConnId;
  /** `address:port` of the other end. */
  readonly peer: string;
  readonly #options: AgentStreamOptions;
  readonly #outbox: Outbox;
  readonly #hello = new AttemptParts<Hello>();
  readonly #fullState = new AttemptParts<FullState>();
  readonly #output = new OutputRequests();
  readonly #facts: HeldFacts;
  /** Who said Hello. */
  #server: ServerId | undefined;
  #capacity: Capacity | undefined;
  #issuer: string | undefined;
  /** Events that wait for room in the mailbox: what came last, and the end. */
  #held: FromAgent[] = [];
  #ended = false;
  #gone = false;
  readonly #openedMono: number;
  #closingSinceMono: number | undefined;

  constructor(options: AgentStreamOptions) {
    const { call } = options;
    this.conn = options.conn;
    this.peer = call.getPeer();
    this.#options = options;
    this.#facts = new HeldFacts(options.newsPace);
    this.#openedMono = options.mono();
    this.#outbox = new Outbox(call, options.outboxLimits);
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('drain', () => this.#outbox.onDrain());
    // The agent closed its half; grpc-js needs ours closed too.
    call.on('end', () => this.close(undefined));
    call.on('cancelled', () => this.#end());
    call.on('close', () => this.#onClose());
  }

  get server(): ServerId | undefined {
    return this.#server;
  }

  /** Whose certificate the connection has. */
  get holder(): string | undefined {
    return this.#options.certificate?.identity.name;
  }

  /** Root that signed the certificate that the agent says it has by now. */
  get issuer(): string | undefined {
    return this.#issuer;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  send(message: LeaderMessage): void {
    if (this.#ended || this.#closingSinceMono !== undefined) return;
    const term = this.#options.owner.term();
    if (message.kind === 'grant') {
      this.#sendBytes(grantBytes(term, message.sequence, message.generation));
      return;
    }
    const parts = encodeLeaderMessage(message, term);
    const tooLarge = parts.find(({ length }) => length > LIMITS.agentMessageBytes);
    if (tooLarge === undefined) for (const bytes of parts) this.#sendBytes(bytes);
    else this.#tooLarge(message, tooLarge.length);
  }

  #sendBytes(bytes: Buffer): void {
    if (!this.#outbox.send(bytes)) this.refuse(slowReader('more than its bound waits for it'));
  }

  /**
   * Only a start can be, of a policy that an older controller let in. The agent would reset the stream, and the other runs of its
   * server with it, again and again; so the start is refused in its place.
   */
  #tooLarge(message: LeaderMessage, length: number): void {
    const detail = `the start is ${length} bytes; at most ${LIMITS.agentMessageBytes} fit a message to an agent`;
    assert(message.kind === 'start', `no ${message.kind} is too large: ${detail}`);
    const { commandId } = message;
    const reason: StartRefusal = 'MESSAGE_TOO_LARGE';
    const answer = { ...refusedBy(reason), reason, detail, pid: 0 };
    this.#deliver({ kind: 'command_result', conn: this.conn, commandId, ...answer });
  }

  /** Asks for output. @throws LocumError AGENT_UNREACHABLE, OVERLOADED, OUTPUT_NOT_FOUND */
  async readOutput(question: OutputQuestion): Promise<OutputChunk> {
    if (this.#ended || this.#closingSinceMono !== undefined) throw gone();
    // Commands go first; a reader of output can wait.
    if (this.#outbox.isCongested)
      throw new LocumError('OVERLOADED', 'the stream to the agent is busy', { retryAfterMs: 1_000 });
    return this.#output.read(question, (request) => this.#post(request));
  }

  /** Says where else to connect. The agent ends the stream when it has found its way. */
  redirect(endpoints: readonly string[], reason: string, term: number): void {
    if (this.#ended || this.#closingSinceMono !== undefined) return;
    this.#post({ kind: 'reconnect', endpoints, afterMs: 0, reason }, term);
  }

  /** What may get lost: whoever waits for an answer knows how long. */
  #post(message: LeaderMessage, term = this.#options.owner.term()): void {
    for (const bytes of encodeLeaderMessage(message, term)) this.#outbox.send(bytes);
  }

  /** Ends the stream after what was sent on it. */
  close(error: LocumError | undefined): void {
    if (this.#ended || this.#closingSinceMono !== undefined) return;
    this.#closingSinceMono = this.#options.mono();
    const { call } = this.#options;
    if (error === undefined) call.end();
    // grpc-js makes the status of the call from what is emitted here.
    else call.emit('error', toGrpcError(error));
    this.#end();
  }

  /** Ends the stream for something that the agent did, and says so in the log. */
  refuse(error: LocumError): void {
    if (this.#ended || this.#closingSinceMono !== undefined) return;
    this.#options.owner.refused(error);
    this.close(error);
  }

  /** There is room for events again. False: not enough. */
  resume(): boolean {
    while (this.#held.length > 0) {
      const [event] = this.#held;
      if (event !== undefined && !this.#options.owner.deliver(event)) return false;
      this.#held.shift();
    }
    if (!this.#ended) this.#options.call.resume();
    return true;
  }

  /** Looks at deadlines; to be called about once a second. True: the connection must be cut, for it does not end by itself. */
  isOverdue(): boolean {
    const nowMono = this.#options.mono();
    if (this.#closingSinceMono !== undefined) return nowMono - this.#closingSinceMono > HELLO_TIMEOUT_MS;
    if (this.#server === undefined && nowMono - this.#openedMono > HELLO_TIMEOUT_MS) {
      this.refuse(new LocumError('PROTOCOL', `no complete Hello within ${HELLO_TIMEOUT_MS / 1000} s`));
      return false;
    }
    if (this.#outbox.stuckMs(nowMono) < STUCK_MS) return false;
    this.refuse(slowReader(`it read nothing for ${STUCK_MS / 1000} s`));
    // What waits in front of the status will not leave either.
    return true;
  }

  #receive(bytes: Buffer): void {
    if (this.#ended || this.#closingSinceMono !== undefined) return;
    // The hot path: thousands per second, nearly all with two numbers and nothing else.
    const plain = this.#server === undefined ? undefined : readHeartbeat(bytes);
    if (plain !== undefined) {
      const { sequence, generation } = plain;
      this.#heartbeat({ kind: 'heartbeat', sequence, generation, capacity: undefined, capabilities: undefined });
      return;
    }
    try {
      const request = decodeRequest(bytes);
      const isFirst = this.#server === undefined;
      if (isFirst && request.message.case !== 'hello') {
        throw new LocumError('PROTOCOL', 'the first message must be Hello');
      }
      const event = this.#eventOf(agentMessageFromProto(request));
      if (event !== undefined) this.#deliver(event);
    } catch (error) {
      // A defect of ours that only this agent provokes ends its stream, not the controller of all others.
      this.refuse(error instanceof LocumError ? error : internalError(error));
    }
  }

  /** What a message means to the core; undefined: nothing, or not yet. */
  #eventOf(message: AgentMessage): FromAgent | undefined {
    const { conn } = this;
    switch (message.kind) {
      case 'hello':
        return this.#helloPart(message);
      case 'heartbeat':
        this.#noteIssuer(message.capabilities);
        this.#heartbeat({ ...message, capacity: this.#newCapacity(message) });
        return undefined;
      case 'report':
      case 'command_result':
      case 'goodbye':
        return { ...message, conn };
      case 'full_state':
        return this.#fullStatePart(message);
      case 'output_chunk':
        this.#output.settle(message);
        return undefined;
    }
  }

  #helloPart(part: Hello): FromAgent | undefined {
    if (this.#server !== undefined) throw new LocumError('PROTOCOL', 'Hello opens a session and comes only once');
    const inventory = this.#hello.add(part);
    if (inventory === undefined) return undefined;
    const { facts } = inventory.first;
    const hello = certifiedHello(this.#options.certificate, { ...facts, inventory: inventory.attempts });
    this.#server = facts.server;
    this.#capacity = facts.capacity;
    this.#noteIssuer(facts.capabilities);
    return { kind: 'hello', conn: this.conn, hello };
  }

  #heartbeat(heartbeat: Heartbeat): void {
    const passed = this.#facts.pass(heartbeat, this.#server ?? '', this.#options.mono());
    this.#deliver({ ...passed, conn: this.conn });
  }

  #noteIssuer(capabilities: HelloFacts['capabilities'] | undefined): void {
    if (capabilities !== undefined) this.#issuer = certificateWord(capabilities).issuer;
  }

  /** Loads change with every heartbeat; what the core wants to know of them hardly ever does. */
  #newCapacity({ capacity }: Heartbeat): Capacity | undefined {
    const before = this.#capacity;
    if (capacity === undefined) return undefined;
    this.#capacity = capacity;
    return before?.maxSlots !== capacity.maxSlots || before?.saturated !== capacity.saturated ? capacity : undefined;
  }

  #fullStatePart(part: FullState): FromAgent | undefined {
    const inventory = this.#fullState.add(part);
    if (inventory === undefined) return undefined;
    const { generation } = inventory.first;
    return { kind: 'full_state', conn: this.conn, generation, inventory: inventory.attempts };
  }

  #deliver(event: FromAgent): void {
    if (this.#held.length === 0 && this.#options.owner.deliver(event)) return;
    this.#held.push(event);
    this.#options.call.pause();
  }

  #onClose(): void {
    this.#gone = true;
    this.#end();
    this.#options.owner.gone();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#output.failAll(gone());
    // The core knows nothing of a stream that never said Hello.
    if (this.#server !== undefined) this.#deliver({ kind: 'stream_closed', conn: this.conn });
    this.#options.owner.ended();
  }
}

function slowReader(why: string): LocumError {
  return new LocumError('SLOW_READER', `the stream is ended, for ${why}: connect again`);
}

function gone(): LocumError {
  return new LocumError('AGENT_UNREACHABLE', 'the agent of this server is not connected: repeat when it is', {
    retryAfterMs: 1_000,
  });
}
