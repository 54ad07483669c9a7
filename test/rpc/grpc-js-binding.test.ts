import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LocumError } from '../../shared/errors.ts';
import {
  AgentService,
  ConnectRequestSchema,
  ConnectResponseSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { clientOptions, listenerOptions } from '../../shared/rpc/channel-options.ts';
import {
  addService,
  makeClient,
  openBidi,
  type ServiceHandlers,
  serviceDefinition,
} from '../../shared/rpc/grpc-js-binding.ts';
import { fromGrpcError, toGrpcError } from '../../shared/rpc/grpc-status.ts';

/** Answers each heartbeat with a grant for it; a Goodbye gets an error; anything else gets a Reconnect of its size. */
const echo: ServiceHandlers<typeof AgentService> = {
  connect(call) {
    call.on('data', ({ message }) => {
      if (message.case === 'heartbeat') {
        const { sequence } = message.value;
        call.write(create(ConnectResponseSchema, { message: { case: 'grant', value: { sequence } } }));
      } else if (message.case === 'goodbye') {
        call.emit(
          'error',
          toGrpcError(new LocumError('WRONG_CLUSTER', 'not from here', { metadata: { cluster_id: 'c1' } })),
        );
      }
    });
    call.on('end', () => call.end());
  },
  renewCertificate(_call, answer) {
    answer(toGrpcError(new LocumError('NO_AUTHORITY', 'not here')));
  },
};

async function startAgentListener(address: string): Promise<string> {
  const server = new grpc.Server(listenerOptions);
  addService(server, AgentService, echo);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  const port = await promise;
  onTestFinished(() => server.forceShutdown());
  return address.startsWith('unix:') ? address : `127.0.0.1:${port}`;
}

async function dial(address: string) {
  const target = await startAgentListener(address);
  const client = makeClient(AgentService, target, grpc.credentials.createInsecure(), clientOptions);
  onTestFinished(() => client.close());
  return openBidi(client, AgentService.method.connect);
}

const heartbeat = (sequence: bigint) =>
  create(ConnectRequestSchema, { message: { case: 'heartbeat', value: { sequence } } });

const goodbye = (reason: string) => create(ConnectRequestSchema, { message: { case: 'goodbye', value: { reason } } });

describe.each(['TCP', 'a unix socket'])('a stream in both directions over %s', (kind) => {
  function address(): string {
    if (kind === 'TCP') return '127.0.0.1:0';
    const folder = mkdtempSync(join(tmpdir(), 'locum-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return `unix:${join(folder, 's')}`;
  }

  it('carries typed messages both ways, in order, and ends', async () => {
    const stream = await dial(address());
    for (let i = 1n; i <= 100n; i += 1n) stream.write(heartbeat(i));
    stream.end();
    const granted: bigint[] = [];
    for await (const { message } of stream) granted.push(message.value.sequence);
    expect(granted).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)));
  });

  it('carries our errors with their details', async () => {
    const stream = await dial(address());
    stream.write(goodbye('LEAVE'));
    const [error] = await once(stream, 'error').catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'not from here' });
    expect(fromGrpcError(error)).toMatchObject({ reason: 'WRONG_CLUSTER', metadata: { cluster_id: 'c1' } });
  });

  it('refuses a message over the limit, on the way out and on the way in', async () => {
    const own = await dial(address());
    own.write(goodbye('x'.repeat(LIMITS.agentMessageBytes)));
    const [ownError] = await once(own, 'error').catch((thrown: unknown) => [thrown]);
    expect(ownError).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED });

    const target = await startAgentListener(address());
    const options = { ...clientOptions, 'grpc.max_send_message_length': -1 };
    const client = makeClient(AgentService, target, grpc.credentials.createInsecure(), options);
    onTestFinished(() => client.close());
    const theirs = openBidi(client, AgentService.method.connect);
    theirs.write(goodbye('x'.repeat(LIMITS.agentMessageBytes)));
    const [theirError] = await once(theirs, 'error').catch((thrown: unknown) => [thrown]);
    expect(theirError).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining(String(LIMITS.agentMessageBytes)),
    });
  });
});

describe('the binding', () => {
  it('takes path and direction of each method from its descriptor', () => {
    const { connect } = serviceDefinition(AgentService);
    expect(connect).toMatchObject({
      path: '/locum.v1.AgentService/Connect',
      requestStream: true,
      responseStream: true,
    });
    const { getPool, watchPools } = serviceDefinition(PoolService);
    expect(getPool).toMatchObject({ requestStream: false, responseStream: false });
    expect(watchPools).toMatchObject({ requestStream: false, responseStream: true });
  });

  it('does not open a method of another service', () => {
    const client = makeClient(PoolService, '127.0.0.1:1', grpc.credentials.createInsecure(), clientOptions);
    onTestFinished(() => client.close());
    expect(() => openBidi(client, AgentService.method.connect)).toThrow('Connect is not of locum.v1.PoolService');
  });
});
