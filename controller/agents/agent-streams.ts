/**
 * All agent streams of this controller, and the one place where they meet the leader's term. Streams belong to the term that they were
 * opened in and end with it; the listener outlives both.
 */

import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { LocumError } from '../../shared/errors.ts';
import type { ServerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { LogAllowance } from '../../shared/log-allowance.ts';
import { Pace } from '../../shared/pace.ts';
import type { OutputChunk } from '../../shared/protocol/agent-message.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import { networkOfPeer } from '../../shared/rpc/caller-address.ts';
import type { Now } from '../../shared/time.ts';
import type { AgentDenial } from '../access/agent-denial.ts';
import type { Event } from '../core/cluster/event.ts';
import type { ConnId } from '../core/records/state.ts';
import type { Clock } from '../engine/clock.ts';
import type { AgentStreamsPort } from '../engine/effects.ts';
import type { ControllerMetrics } from '../metrics.ts';
import { AgentStream, type RawCall } from './agent-stream.ts';
import { NEWS_PACE } from './held-facts.ts';
import { defaultOutboxLimits, type OutboxLimits } from './outbox.ts';
import type { OutputQuestion } from './output-requests.ts';
import { UnknownStreams } from './unknown-streams.ts';

/** Where the events of the streams go. */
export interface AgentEventSink {
  readonly term: number;
  /** False: no room; `AgentStreams.resume` is called when there is. */
  post(event: Event): boolean;
}

/** The controller that leads, for agents that came to this one. */
export interface OtherLeader {
  readonly term: number;
  /** `host:port` of its agent listener. */
  readonly endpoint: string;
}

/** The term that a stream belongs to; none while nobody has taken it in. */
interface Binding {
  sink: AgentEventSink | undefined;
  /** When its last heartbeat came. Undefined: none did. */
  beatMono?: number;
}

export interface AgentStreamsOwner {
  /** Cuts the connection of a peer (`address:port`) that does not let its stream end. */
  cut(peer: string): void;
}

export interface AgentStreamsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
  /** Streams open at once; more are refused. Default 20,000. */
  readonly maxStreams?: number;
  /** Of these, streams without a Hello; one more ends the oldest of an address with more than its share, or is refused. Default 2,000. */
  readonly maxUnknown?: number;
  readonly outboxLimits?: OutboxLimits;
  /**
   * How long agents that said Hello, and those of a term that is over, are kept until it is known who leads. Then they are taken
   * in, or told where to go. Default 0: they are turned away at once.
   */
  readonly patienceMs?: number;
  readonly owner: AgentStreamsOwner;
  /** Is told of agents that are refused for what they show. Default: nobody is. */
  readonly denied?: (denial: AgentDenial) => void;
}

/** How long an agent that was told to go elsewhere keeps its stream. */
const REDIRECTED_MS = 10_000;

export class AgentStreams implements AgentStreamsPort {
  readonly #options: AgentStreamsOptions;
  readonly #streams = new Map<ConnId, AgentStream>();
  readonly #byServer = new Map<ServerId, AgentStream>();
  /** Streams with events that found no room in the mailbox. */
  readonly #heldUp = new Set<AgentStream>();
  /** Streams that were told to end and may not. */
  readonly #ending = new Set<AgentStream>();
  /** Streams that wait for a leader, with their Hello if it was not taken in yet. */
  readonly #waiting = new Map<AgentStream, { readonly hello: Event | undefined; readonly timer: NodeJS.Timeout }>();
  readonly #bindings = new Map<AgentStream, Binding>();
  readonly #refusalLines = new LogAllowance();
  readonly #unknown: UnknownStreams;
  readonly #newsPace = new Pace(NEWS_PACE);
  #other: OtherLeader | undefined;
  #sink: AgentEventSink | undefined;
  #lastConn: ConnId = 0;
  #heard = 0;
  #refusedHellos = 0;

  constructor(options: AgentStreamsOptions) {
    this.#options = options;
    this.#unknown = new UnknownStreams(options.maxUnknown ?? 2_000);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Counts what agents do here: open a stream, say something on one. One that ends is not counted. */
  get heard(): number {
    return this.#heard;
  }

  /** Agents that said Hello here and were told that another controller leads, or waited in vain to be told, since this one was started. */
  get refusedHellos(): number {
    return this.#refusedHellos;
  }

  /** From now on streams are accepted, and belong to this term. */
  attach(sink: AgentEventSink): void {
    this.#sink = sink;
    for (const [stream, { hello }] of this.#takeWaiting()) {
      const binding = this.#bindings.get(stream);
      // A session of an earlier term is no session of this one: the agent has to say Hello again.
      if (hello === undefined || binding === undefined) {
        stream.close(notLeader());
        continue;
      }
      binding.sink = sink;
      this.#deliver(stream, binding, hello);
    }
  }

  /** The term is over: its streams end with this error, or once it is known where their agents should go. */
  detach(error: LocumError): void {
    const { patienceMs = 0 } = this.#options;
    this.#sink = undefined;
    this.#heldUp.clear();
    for (const stream of [...this.#streams.values()]) {
      if (this.#waiting.has(stream)) continue;
      const binding = this.#bindings.get(stream);
      // One that has not said Hello is taken in by whoever leads when it does.
      if (stream.server === undefined && binding !== undefined && patienceMs > 0) binding.sink = undefined;
      else this.#sendOn(stream, undefined, error);
    }
    this.#byServer.clear();
  }

  /** Another controller leads: agents that wait are told, and all that come. Undefined: none is known. */
  pointTo(other: OtherLeader | undefined): void {
    this.#other = other;
    if (other === undefined || this.#sink !== undefined) return;
    for (const [stream, { hello }] of this.#takeWaiting()) this.#redirect(stream, hello, other);
  }

  /** A new call of Connect. `peer`: whose certificate the connection has; undefined: it has none. */
  accept(call: RawCall, peer?: AcceptedPeer): void {
    const { clock, outboxLimits = defaultOutboxLimits, maxStreams = 20_000, patienceMs = 0 } = this.#options;
    const binding: Binding = { sink: this.#sink };
    this.#heard += 1;
    this.#lastConn += 1;
    const stream: AgentStream = new AgentStream({
      conn: this.#lastConn,
      call,
      certificate: peer,
      mono: () => clock().mono,
      newsPace: this.#newsPace,
      outboxLimits,
      owner: {
        term: () => binding.sink?.term ?? 0,
        deliver: (event) => this.#deliver(stream, binding, event),
        ended: () => this.#forget(stream),
        gone: () => void this.#ending.delete(stream),
        refused: (error) => this.#logRefusal(stream, error),
      },
    });
    this.#streams.set(stream.conn, stream);
    this.#bindings.set(stream, binding);
    if (this.#sink === undefined && patienceMs === 0) stream.close(notLeader());
    else if (this.#streams.size > maxStreams)
      stream.refuse(new LocumError('OVERLOADED', `${maxStreams} agents are connected`, { retryAfterMs: 5_000 }));
    else this.#unknown.admit(stream)?.refuse(tooManyUnknown());
  }

  send(conn: ConnId, message: LeaderMessage, now: Now): void {
    const stream = this.#streams.get(conn);
    if (stream === undefined) return;
    // The core has one session per server: a later Welcome is of the stream that counts from now on.
    if (message.kind === 'welcome' && stream.server !== undefined) this.#byServer.set(stream.server, stream);
    if (message.kind === 'start') this.#options.metrics.failovers.starting(message, now);
    stream.send(message);
  }

  close(conn: ConnId, error: LocumError | undefined): void {
    const stream = this.#streams.get(conn);
    if (stream === undefined) return;
    if (error !== undefined) this.#noteDenial(stream, error);
    stream.close(error);
  }

  /** @throws LocumError AGENT_UNREACHABLE, OVERLOADED, OUTPUT_NOT_FOUND */
  async readOutput(server: ServerId, question: OutputQuestion): Promise<OutputChunk> {
    const stream = this.#byServer.get(server);
    if (stream === undefined) {
      const message = `the agent of servers/${server} is not connected: repeat when it is`;
      throw new LocumError('AGENT_UNREACHABLE', message, { resource: `servers/${server}`, retryAfterMs: 1_000 });
    }
    return stream.readOutput(question);
  }

  /** The mailbox has room again: streams that were held up go on, in the order in which they were. */
  resume(): void {
    for (const stream of this.#heldUp) {
      if (!stream.resume()) return;
      this.#heldUp.delete(stream);
    }
  }

  /** Looks after streams that say nothing, read nothing or do not end; to be called about once a second. */
  sweep(): void {
    for (const stream of [...this.#streams.values(), ...this.#ending]) {
      if (!stream.isOverdue()) continue;
      this.#ending.delete(stream);
      this.#options.owner.cut(stream.peer);
    }
  }

  /**
   * Ends the streams on these connections, for whose certificates no authority stands any more. An agent that says that it has one of these roots
   * meanwhile only has to connect anew; of any other one it is told, as of one that is refused.
   */
  distrust(peers: ReadonlySet<string>, roots: readonly string[]): void {
    for (const stream of [...this.#streams.values()]) {
      if (!peers.has(stream.peer)) continue;
      const { issuer, holder = 'this agent' } = stream;
      if (issuer !== undefined && roots.includes(issuer)) stream.close(untrusted(holder));
      else stream.refuse(untrusted(holder));
    }
  }

  #noteDenial({ peer, holder }: AgentStream, { code, reason, resource = '' }: LocumError): void {
    const isDenial = code === 'PERMISSION_DENIED' || code === 'UNAUTHENTICATED';
    if (isDenial) this.#options.denied?.({ peer, reason, resource, holder });
  }

  #logRefusal(stream: AgentStream, error: LocumError): void {
    const { peer, server } = stream;
    const { reason, message, cause } = error;
    const { log, clock } = this.#options;
    this.#noteDenial(stream, error);
    const allowed = this.#refusalLines.take(`${networkOfPeer(peer)} ${reason}`, clock().mono);
    if (allowed === undefined) return;
    const more = allowed.unsaid === 0 ? {} : { unsaid: allowed.unsaid };
    const facts = { peer, server, reason, ...more };
    if (reason === 'INTERNAL') log.error({ ...facts, err: cause }, 'agent stream ended: a defect of ours');
    else log.warn(facts, `agent stream ended: ${message}`);
  }

  #deliver(stream: AgentStream, binding: Binding, event: Event): boolean {
    if (event.kind !== 'stream_closed') this.#heard += 1;
    if (event.kind === 'hello') this.#unknown.delete(stream);
    if (event.kind === 'hello' && binding.sink === undefined) {
      binding.sink = this.#sink;
      if (binding.sink === undefined) {
        this.#sendOn(stream, event, notLeader());
        return true;
      }
    }
    const { sink } = binding;
    // Of a term that is over: nobody wants to know.
    if (sink === undefined || sink !== this.#sink) return true;
    if (sink.post(event)) {
      this.#measure(binding, event);
      return true;
    }
    this.#heldUp.add(stream);
    return false;
  }

  #measure(binding: Binding, event: Event): void {
    if (event.kind !== 'heartbeat' && event.kind !== 'report') return;
    const { metrics, clock } = this.#options;
    const now = clock();
    if (event.kind === 'report') {
      metrics.failovers.reported(event.attempts, now);
      return;
    }
    metrics.beat(binding.beatMono === undefined ? undefined : now.mono - binding.beatMono);
    binding.beatMono = now.mono;
  }

  /** Tells an agent where to go, as soon as that is known; with `error` when it does not become known in time. */
  #sendOn(stream: AgentStream, hello: Event | undefined, error: LocumError): void {
    const { patienceMs = 0 } = this.#options;
    if (this.#other !== undefined) {
      this.#redirect(stream, hello, this.#other);
    } else if (patienceMs === 0) {
      stream.close(error);
    } else {
      const giveUp = (): void => {
        this.#waiting.delete(stream);
        if (hello !== undefined) this.#refusedHellos += 1;
        stream.close(error);
      };
      this.#waiting.set(stream, { hello, timer: setTimeout(giveUp, patienceMs).unref() });
    }
  }

  #redirect(stream: AgentStream, hello: Event | undefined, other: OtherLeader): void {
    if (hello !== undefined) this.#refusedHellos += 1;
    stream.redirect([other.endpoint], 'LEADER', other.term);
    // It lets go when it has its Welcome there. One that does not is cut off here.
    setTimeout(() => stream.close(notLeader()), REDIRECTED_MS).unref();
  }

  #takeWaiting() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [, { timer }] of waiting) clearTimeout(timer);
    return waiting;
  }

  #forget(stream: AgentStream): void {
    this.#streams.delete(stream.conn);
    this.#bindings.delete(stream);
    this.#unknown.delete(stream);
    clearTimeout(this.#waiting.get(stream)?.timer);
    this.#waiting.delete(stream);
    if (!stream.isGone) this.#ending.add(stream);
    const { server } = stream;
    if (server !== undefined && this.#byServer.get(server) === stream) this.#byServer.delete(server);
  }
}

function untrusted(holder: string): LocumError {
  const message = `the authority that signed the certificate of ${holder} is trusted no more: it connects again with a newer one, and if it has none it has to join anew`;
  return new LocumError('UNKNOWN_AUTHORITY', message, { resource: `servers/${holder}` });
}

function tooManyUnknown(): LocumError {
  return new LocumError('OVERLOADED', 'too many streams are open on which nobody has said Hello', {
    retryAfterMs: 5_000,
  });
}

function notLeader(): LocumError {
  return new LocumError('NOT_LEADER', 'this controller does not lead now: connect again in a moment', {
    retryAfterMs: 500,
  });
}
