/** What a listener for people and their tools allows. Each bound has a default that no honest client meets. */
import { LIMITS } from '../limits.ts';
import type { PaceOptions } from '../pace.ts';
import { defaultConnectionPace } from './connection-queue.ts';

export interface ListenerLimits {
  /** Connections at once. One more takes the place of an idle one, or of one of a peer with more than its share. Default 1,000. */
  readonly maxConnections: number;
  /** Connections that find no such place and are answered health only, once; of more the oldest goes. Default 16. */
  readonly reservedConnections: number;
  /** Connections of one address that are begun before all others; further ones wait for a turn in which nobody comes. Default: 50, and 200 a second. */
  readonly connectionPace: PaceOptions;
  /** An HTTP/2 connection without a call for so long is closed, with GOAWAY. Default 10 min. */
  readonly idleSessionMs: number;
  /** Calls at once on one HTTP/2 connection. Default 100. */
  readonly maxStreamsPerConnection: number;
  /** Time a new connection has to send its first three bytes. Default 10 s. */
  readonly firstBytesTimeoutMs: number;
  /** Time an HTTP/1.1 client has to send the whole head of a request. Default 10 s. */
  readonly headersTimeoutMs: number;
  /** Time an HTTP/1.1 client has to send a whole request, and silence allowed in the body of an HTTP/2 one. Default 60 s. */
  readonly requestTimeoutMs: number;
  /** What waits for clients altogether: bodies that are not whole, and answers that are not read. Default: that of the table of limits. */
  readonly waitingBytes: number;
  /** Size of the head of a request. Default 16 KiB. */
  readonly maxHeaderBytes: number;
}

/**
 * Connections that the kernel has ready and that are not taken yet, of either listener. It drops what is beyond, and whoever was dropped
 * tries again after a second: with the 511 of Node, somebody who connects in bursts cost the others that second. Linux allows 4,096
 * (net.core.somaxconn), and takes less from whoever asks for more.
 */
export const ACCEPT_BACKLOG = 4_096;

export const defaultListenerLimits: ListenerLimits = {
  maxConnections: 1_000,
  reservedConnections: 16,
  connectionPace: defaultConnectionPace,
  idleSessionMs: 600_000,
  maxStreamsPerConnection: 100,
  firstBytesTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  waitingBytes: LIMITS.waitingBytes,
  maxHeaderBytes: 16 * 1024,
};
