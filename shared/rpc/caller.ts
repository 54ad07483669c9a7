/** Who sent a request, once the door has let it in, for those who handle it. */
import { type ContextValues, createContextKey, createContextValues } from '@connectrpc/connect';
import type { AcceptedPeer } from '../access/peer-judge.ts';
import { type KnownCaller, NOBODY } from '../access/principal.ts';
import { callerAddressOf } from './caller-address.ts';
import type { HttpRequest } from './http-handler.ts';

const callers = new WeakMap<HttpRequest, KnownCaller>();
/** By the socket of HTTP/1.1, or the session of HTTP/2. */
const peers = new WeakMap<object, AcceptedPeer>();

const distrusted = new WeakSet<AcceptedPeer>();

/** Where no door was passed nobody is known, and nothing is allowed to him. */
const UNKNOWN: KnownCaller = { principal: NOBODY, actor: '', source: '' };

export const callerKey = createContextKey<KnownCaller>(UNKNOWN, { description: 'who calls' });

export const rememberCaller = (request: HttpRequest, caller: KnownCaller): void => void callers.set(request, caller);

export function contextOf(request: HttpRequest): ContextValues {
  const caller = callers.get(request) ?? { ...UNKNOWN, source: callerAddressOf(request) };
  return createContextValues().set(callerKey, caller);
}

export const rememberPeer = (connection: object, peer: AcceptedPeer): void => void peers.set(connection, peer);

/** What the certificate of the other end of this connection says; undefined: plaintext, or none was shown. */
export const peerOfConnection = (connection: object): AcceptedPeer | undefined => peers.get(connection);

export function peerOf(request: HttpRequest): AcceptedPeer | undefined {
  const connection = 'stream' in request ? request.stream.session : request.socket;
  return connection === undefined ? undefined : peers.get(connection);
}

/** No authority stands for its certificate any more. */
export const distrust = (peer: AcceptedPeer): void => void distrusted.add(peer);

export const isDistrusted = (peer: AcceptedPeer): boolean => distrusted.has(peer);
