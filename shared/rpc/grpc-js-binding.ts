/**
 * Binds protobuf-es services to grpc-js, which knows nothing of their descriptors: paths, bytes and stream flags come from the
 * descriptor, types from the generated code. The casts here are the border between the two.
 */
import {
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { assert } from '../assert.ts';

// It prints to stderr by itself, past our log; what matters comes back as an error of a call anyway.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

type Handler<M extends DescMethod> =
  M extends DescMethodUnary<infer I, infer O>
    ? grpc.handleUnaryCall<MessageShape<I>, MessageShape<O>>
    : M extends DescMethodBiDiStreaming<infer I, infer O>
      ? grpc.handleBidiStreamingCall<MessageShape<I>, MessageShape<O>>
      : M extends DescMethodServerStreaming<infer I, infer O>
        ? grpc.handleServerStreamingCall<MessageShape<I>, MessageShape<O>>
        : M extends DescMethodClientStreaming<infer I, infer O>
          ? grpc.handleClientStreamingCall<MessageShape<I>, MessageShape<O>>
          : never;

/** The implementation of a service: one grpc-js handler for each method, by its name in TypeScript. */
export type ServiceHandlers<S extends DescService> = { readonly [K in keyof S['method']]: Handler<S['method'][K]> };

/** A grpc-js client that is bound to one service. */
export class ServiceClient<S extends DescService> extends grpc.Client {
  readonly service: S;

  constructor(service: S, address: string, credentials: grpc.ChannelCredentials, options: grpc.ClientOptions) {
    super(address, credentials, options);
    this.service = service;
  }
}

function toBuffer<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Buffer {
  const { buffer, byteOffset, byteLength } = toBinary(schema, message);
  return Buffer.from(buffer, byteOffset, byteLength);
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The service as grpc-js wants it: one definition for each method. */
export function serviceDefinition(service: DescService): grpc.ServiceDefinition {
  const definition = (
    method: DescMethod,
  ): grpc.MethodDefinition<MessageShape<DescMessage>, MessageShape<DescMessage>> => ({
    path: pathOf(method),
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: (message) => toBuffer(method.input, message),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => toBuffer(method.output, message),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  });
  return Object.fromEntries(service.methods.map((method) => [method.localName, definition(method)]));
}

/** Adds a service with its handlers to a grpc-js server. */
export function addService<S extends DescService>(server: grpc.Server, service: S, handlers: ServiceHandlers<S>): void {
  server.addService(serviceDefinition(service), handlers as unknown as grpc.UntypedServiceImplementation);
}

/** A client of one service. Use `clientOptions` of channel-options.ts, or more restrictive ones: they hold the limits. */
export function makeClient<S extends DescService>(
  service: S,
  address: string,
  credentials: grpc.ChannelCredentials,
  options: grpc.ClientOptions,
): ServiceClient<S> {
  return new ServiceClient(service, address, credentials, options);
}

/** One call, one answer. Rejects with grpc.ServiceError. `deadlineMs`: from now. */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  client: ServiceClient<DescService>,
  method: DescMethodUnary<I, O>,
  message: MessageShape<I>,
  deadlineMs: number,
): Promise<MessageShape<O>> {
  assert(method.parent.typeName === client.service.typeName, `${method.name} is not of ${client.service.typeName}`);
  const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
  client.makeUnaryRequest<MessageShape<I>, MessageShape<O>>(
    pathOf(method),
    (request) => toBuffer(method.input, request),
    (bytes) => fromBinary(method.output, bytes),
    message,
    { deadline: Date.now() + deadlineMs },
    (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer);
      else reject(error ?? new Error(`${method.name} has no answer`));
    },
  );
  return promise;
}

/** Opens a stream in both directions. The caller honours `write()` answering false, listens for `error`, and ends or cancels it. */
export function openBidi<I extends DescMessage, O extends DescMessage>(
  client: ServiceClient<DescService>,
  method: DescMethodBiDiStreaming<I, O>,
  metadata: grpc.Metadata = new grpc.Metadata(),
): grpc.ClientDuplexStream<MessageShape<I>, MessageShape<O>> {
  assert(method.parent.typeName === client.service.typeName, `${method.name} is not of ${client.service.typeName}`);
  return client.makeBidiStreamRequest<MessageShape<I>, MessageShape<O>>(
    pathOf(method),
    (message) => toBuffer(method.input, message),
    (bytes) => fromBinary(method.output, bytes),
    metadata,
  );
}
