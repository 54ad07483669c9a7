/** Limits and keepalive of our gRPC channels and listeners. */
import type { ChannelOptions } from '@grpc/grpc-js';
import { LIMITS } from '../limits.ts';

/** A peer that says nothing is pinged after this time, on both ends; a dead socket is found, health is judged by heartbeats. */
export const KEEPALIVE_TIME_MS = 10_000;
/** A ping without an answer after this time closes the connection. */
export const KEEPALIVE_TIMEOUT_MS = 5_000;

const both: ChannelOptions = {
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': LIMITS.agentMessageBytes,
  'grpc.max_send_message_length': LIMITS.agentMessageBytes,
  // In megabytes. Without it grpc-js lets a session grow without limit.
  'grpc-node.max_session_memory': 10,
};

/** Options of a listener for agents, and of the keeper's unix socket. */
export const listenerOptions: ChannelOptions = {
  ...both,
  // One stream, a health check, and one stream of a session that is ending.
  'grpc.max_concurrent_streams': 8,
};

/** Options of a client that opens one long stream and dials again by itself. */
export const clientOptions: ChannelOptions = {
  ...both,
  // Retries would keep copies of what was sent; a broken stream is a new session here.
  'grpc.enable_retries': 0,
  // A connection of its own: closing the client closes it, and two clients never share a hung one.
  'grpc.use_local_subchannel_pool': 1,
  // An agent talks to its controller directly, whatever the environment says for web traffic.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};
