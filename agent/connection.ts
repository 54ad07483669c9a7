/**
 * Streams to controllers: one client and one call for each dial, so that a stream that hangs shares nothing with the next one.
 * Messages are bounded, `write()` answering false is honoured, and an end is told exactly once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  type ServiceError,
} from '@grpc/grpc-js';
import type { PeerRule } from '../shared/access/peer-judge.ts';
import { leaderMessageFromProto } from '../shared/codec/leader-message.ts';
import { fromUint64 } from '../shared/codec/numbers.ts';
import { AgentService, type ConnectRequest, type ConnectResponse } from '../shared/gen/locum/v1/agent_service_pb.ts';
import type { LeaderMessage } from '../shared/protocol/leader-message.ts';
import { clientOptions } from '../shared/rpc/channel-options.ts';
import { makeClient, openBidi, type ServiceClient } from '../shared/rpc/grpc-js-binding.ts';
import { fromGrpcError } from '../shared/rpc/grpc-status.ts';
import { SERVER_NAME, serverIdentityCheck, type TlsIdentity } from '../shared/rpc/tls-identity.ts';
import { AnswerParts } from './answer-parts.ts';
import { isNoTls, isUnknownIssuer } from './chain-problem.ts';
import type { Event, StreamId } from './core/event.ts';

/** Messages that wait for a controller to read. Past it the stream is ended, and the next one starts from a full inventory. */
const MAX_WAITING = 512;
/** How long a controller may take to end a stream that we ended; then it is cancelled. */
const FLUSH_LIMIT_MS = 2_000;
const LOOK_MS = 10;
/** Options of the channel, with TLS: no name of a host is looked at. */
export const NAMED = { 'grpc.ssl_target_name_override': SERVER_NAME };

type Call = ClientDuplexStream<ConnectRequest, ConnectResponse>;

/** The certificate that is shown to controllers, and which of them are taken. */
export interface DialTls {
  readonly identity: TlsIdentity;
  readonly rule: PeerRule;
}

/** Made for each dial: a certificate that was replaced counts from the next one on. */
export const dialCredentials = ({ identity, rule }: DialTls): ChannelCredentials =>
  credentials.createFromSecureContext(identity.context, { checkServerIdentity: serverIdentityCheck(() => rule) });

interface Stream {
  readonly client: ServiceClient<typeof AgentService>;
  call: Call | undefined;
  /** Ended by us: nothing is written any more. */
  ended: boolean;
}

export class Connection {
  readonly #streams = new Map<StreamId, Stream>();
  readonly #post: (event: Event) => void;
  readonly #tls: DialTls | undefined;

  /** `tls` undefined: plaintext. */
  constructor(post: (event: Event) => void, tls?: DialTls) {
    this.#post = post;
    this.#tls = tls;
  }

  /** Opens a stream; `connected`, or `closed` when that is not possible within the limit. */
  dial(id: StreamId, endpoint: string, limitMs: number): void {
    const options = this.#tls === undefined ? clientOptions : { ...clientOptions, ...NAMED };
    const client = makeClient(AgentService, endpoint, this.#credentials(), options);
    const stream: Stream = { client, call: undefined, ended: false };
    this.#streams.set(id, stream);
    const deadline = Date.now() + limitMs;
    const channel = client.getChannel();
    const look = (): void => {
      if (this.#streams.get(id) !== stream) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) this.#open(id, stream);
      // A refusal is an answer. The library would try again until the limit, while another controller may be waiting.
      else if (state === connectivityState.TRANSIENT_FAILURE) this.#refuse(id, stream, endpoint);
      else if (Date.now() >= deadline) this.#finish(id, `no connection to ${endpoint} within ${limitMs} ms`);
      else channel.watchConnectivityState(state, deadline, look);
    };
    look();
  }

  #credentials(): ChannelCredentials {
    return this.#tls === undefined ? credentials.createInsecure() : dialCredentials(this.#tls);
  }

  /** Behind TLS it may be that one end does not take the other: the library tells that to a call only. */
  #refuse(id: StreamId, stream: Stream, endpoint: string): void {
    const reason = `no connection to ${endpoint}`;
    if (this.#tls === undefined) {
      this.#finish(id, reason);
      return;
    }
    const call = openBidi(stream.client, AgentService.method.connect);
    stream.call = call;
    call.on('error', ({ details }: ServiceError) => {
      if (this.#streams.get(id) === stream) this.#finish(id, `${reason}: ${details}${this.#adviceOn(details)}`);
    });
  }

  /** What this host's administrator can do. */
  #adviceOn(details: string): string {
    const { notAfterMs } = this.#tls?.identity.life ?? {};
    if (notAfterMs !== undefined && Date.now() >= notAfterMs)
      return '; our own certificate is over: let this host join anew';
    if (isNoTls(details))
      return '; it speaks no TLS (NO_TLS): start that controller with --tls, or give this agent no certificate';
    if (!isUnknownIssuer(details)) return '';
    return '; this host does not trust the authority of the controllers: if that was changed while it was away, let it join anew, with the line of "locum token create --for server/NAME"';
  }

  #open(id: StreamId, stream: Stream): void {
    const call: Call = openBidi(stream.client, AgentService.method.connect);
    stream.call = call;
    const isOpen = (): boolean => this.#streams.get(id) === stream;
    const parts = new AnswerParts();
    call.on('data', (response: ConnectResponse) => {
      if (!isOpen()) return;
      const received = wholeAnswer(parts, response);
      if (received.kind === 'unreadable') this.#finish(id, received.reason);
      else if (received.kind === 'message') this.#post({ ...received.said, kind: 'received', stream: id });
    });
    call.on('drain', () => {
      if (isOpen()) this.#post({ kind: 'writable', stream: id, writable: true });
    });
    call.on('error', (error: ServiceError) => {
      if (isOpen()) this.#finish(id, reasonOf(error));
    });
    call.on('end', () => {
      if (isOpen()) this.#finish(id, 'the controller ended the stream');
    });
    this.#post({ kind: 'connected', stream: id });
  }

  /** Hands a message to the stream. The answer says whether it takes more; `writable` follows when it does again. */
  send(id: StreamId, message: ConnectRequest): boolean {
    const stream = this.#streams.get(id);
    if (stream?.call === undefined || stream.ended) return true;
    // The stream counts messages, each of which is bounded.
    if (stream.call.writableLength > MAX_WAITING) {
      this.drop(id);
      this.#post({ kind: 'closed', stream: id, reason: 'the controller reads nothing' });
      return false;
    }
    return stream.call.write(message);
  }

  /** Ends a stream after what was sent; `closed` follows when the controller has ended it too. */
  end(id: StreamId): void {
    const stream = this.#streams.get(id);
    if (stream?.call === undefined) {
      this.drop(id);
      return;
    }
    stream.ended = true;
    stream.call.end();
    setTimeout(() => {
      if (this.#streams.get(id) === stream) this.#finish(id, 'the controller did not end the stream');
    }, FLUSH_LIMIT_MS).unref();
  }

  /** Drops a stream and everything that it has not said yet, without an event. */
  drop(id: StreamId): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.call?.cancel();
    stream.client.close();
  }

  #finish(id: StreamId, reason: string): void {
    this.drop(id);
    this.#post({ kind: 'closed', stream: id, reason });
  }

  /** Answers when every stream has ended; each that we ended does so within a bounded time. */
  async whenIdle(): Promise<void> {
    while (this.#streams.size > 0) await sleep(LOOK_MS);
  }
}

type Received =
  | { readonly kind: 'message'; readonly said: { readonly term: number; readonly message: LeaderMessage } }
  | { readonly kind: 'part' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** What can't be read ends this stream; the runs go on in the keeper, and the next stream may be another controller's. */
function wholeAnswer(parts: AnswerParts, response: ConnectResponse): Received {
  try {
    const whole = parts.add(response);
    const message = whole === undefined ? undefined : leaderMessageFromProto(whole);
    return message === undefined
      ? { kind: 'part' }
      : { kind: 'message', said: { term: fromUint64(response.term, 'term'), message } };
  } catch (error) {
    return { kind: 'unreadable', reason: `what the controller said can't be read: ${String(error)}` };
  }
}

/** The answer of a controller, or what the library says of a connection that broke. */
function reasonOf(error: ServiceError): string {
  const answer = fromGrpcError(error);
  return answer === undefined ? error.message : `${answer.reason}: ${answer.message}`;
}
