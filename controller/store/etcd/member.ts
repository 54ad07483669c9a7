/** One member of an etcd cluster, on a connection of its own: a hung member must not hold up calls to the others. */
import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { makeClient, openBidi, type ServiceClient } from '../../../shared/rpc/grpc-js-binding.ts';
import { faultOf } from './fault.ts';

const channelOptions: grpc.ChannelOptions = {
  // etcd closes connections that ping more often than every 5 s, or without a call.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // Where records get larger from one to the next a page of a load may be large, and so may a watch answer after a long gap.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // Only the caller knows which request may be sent twice.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

export interface CallOptions {
  readonly metadata: grpc.Metadata;
  readonly timeoutMs: number;
  /** Gives the call up; it may have been done. */
  readonly signal?: AbortSignal | undefined;
}

export class EtcdMember {
  /** `host:port`. */
  readonly address: string;
  readonly #channel: grpc.Channel;
  readonly #credentials: grpc.ChannelCredentials;
  readonly #clients = new Map<string, ServiceClient<DescService>>();
  #closed = false;

  constructor(address: string, credentials: grpc.ChannelCredentials) {
    this.address = address;
    this.#credentials = credentials;
    this.#channel = new grpc.Channel(address, credentials, channelOptions);
  }

  /** Rejects with an EtcdFault. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { metadata, timeoutMs, signal }: CallOptions,
  ): Promise<MessageShape<O>> {
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
    const call = this.#client(method.parent).makeUnaryRequest<MessageShape<I>, MessageShape<O>>(
      `/${method.parent.typeName}/${method.name}`,
      (message) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (response === undefined) reject(error === null ? new Error('no response') : faultOf(this.address, error));
        else resolve(response);
      },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
    return promise;
  }

  /** The caller listens for `error`, and cancels the stream when done with it. */
  bidi<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    metadata: grpc.Metadata,
  ): grpc.ClientDuplexStream<MessageShape<I>, MessageShape<O>> {
    return openBidi(this.#client(method.parent), method, metadata);
  }

  close(): void {
    this.#closed = true;
    this.#channel.close();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #client(service: DescService): ServiceClient<DescService> {
    const known = this.#clients.get(service.typeName);
    if (known !== undefined) return known;
    const client = makeClient(service, this.address, this.#credentials, { channelOverride: this.#channel });
    this.#clients.set(service.typeName, client);
    return client;
  }
}
