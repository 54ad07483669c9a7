import { once } from 'node:events';
import { connect } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { AgentService, ConnectRequestSchema } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { AttemptState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { Liveness } from '../../../shared/gen/locum/v1/server_pb.ts';
import { clientOptions } from '../../../shared/rpc/channel-options.ts';
import { fromGrpcError } from '../../../shared/rpc/grpc-status.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const bytes = (buffer: Buffer): Buffer => buffer;

/** A stream on which any bytes can be said. */
function rawStream(world: ControllerWorld) {
  const client = new grpc.Client(world.controller.agentAddress, grpc.credentials.createInsecure(), {
    ...clientOptions,
    'grpc.max_send_message_length': -1,
  });
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(`/${AgentService.typeName}/Connect`, bytes, bytes);
  const ended = Promise.withResolvers<grpc.StatusObject>();
  call.on('status', ended.resolve);
  call.on('error', () => undefined);
  call.on('data', () => undefined);
  return { call, ended: ended.promise, close: () => client.close() };
}

const reasonOf = async (agent: ScriptedAgent): Promise<string | undefined> => (await agent.ended).error?.reason;

describe('the agent listener', () => {
  it(
    'welcomes an agent, registers it, and grants its heartbeats in order',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      const welcome = await agent.join({ capabilities: [{ name: 'os', value: 'linux' }] });
      expect(welcome.clusterId).not.toBe('');
      expect(welcome.timers?.heartbeatInterval?.nanos).toBe(200_000_000);
      agent.heartbeat();
      agent.heartbeat();
      expect((await agent.next('grant')).sequence).toBe(1n);
      expect(await agent.next('grant')).toMatchObject({ sequence: 2n, generation: 1n });
      const { server } = await world.api.servers.getServer({ name: 'servers/web-1' });
      expect(server).toMatchObject({ rank: 1, connected: true, liveness: Liveness.ALIVE });
    }),
  );

  it(
    'refuses a stream that begins with anything but Hello',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      agent.heartbeat();
      expect(await agent.ended).toMatchObject({ code: grpc.status.INVALID_ARGUMENT, error: { reason: 'PROTOCOL' } });
    }),
  );

  it(
    'ends a stream that says Hello twice',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      await agent.join();
      agent.hello();
      expect(await reasonOf(agent)).toBe('PROTOCOL');
    }),
  );

  it(
    'ends a stream that says nothing for 5 s',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      const { error } = await agent.ended;
      expect(error?.reason).toBe('PROTOCOL');
      expect(error?.message).toContain('Hello');
    }),
  );

  it(
    'takes a Hello in parts, and counts its attempts together',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      const attempts = (from: number) =>
        Array.from({ length: 150 }, (_, i) => ({
          run: `x-${from + i}`,
          epoch: BigInt(from + i),
          state: AttemptState.RUNNING,
          policy: 'x',
        }));
      agent.hello({ attempts: attempts(1), lastPart: false });
      agent.hello({ attempts: attempts(151), lastPart: false });
      agent.hello({ attempts: attempts(301), lastPart: true });
      const { verdicts } = await agent.next('welcome');
      expect(verdicts.length).toBe(450);
    }),
  );

  it(
    'refuses an inventory of more than 10,000 attempts',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      const some = Array.from({ length: 1_000 }, (_, i) => ({
        run: `x-${i + 1}`,
        epoch: BigInt(i + 1),
        state: AttemptState.RUNNING,
      }));
      for (let part = 0; part <= 10; part += 1) agent.hello({ attempts: some, lastPart: part === 10 });
      expect(await reasonOf(agent)).toBe('PROTOCOL');
    }),
  );

  it(
    'names the field of a Hello that breaks a rule',
    inWorld(async (world) => {
      const agent = world.agent('Web_1');
      agent.hello();
      const { error } = await agent.ended;
      expect(error?.reason).toBe('INVALID_FIELD');
      expect(error?.fieldViolations.map(({ field }) => field)).toEqual(['server']);
    }),
  );

  it(
    'refuses bytes that are no message, and goes on with others',
    inWorld(async (world) => {
      const stream = rawStream(world);
      stream.call.write(Buffer.from('garbage, not protobuf'));
      const status = await stream.ended;
      expect(fromGrpcError(status)?.reason).toBe('PROTOCOL');
      stream.close();
      await world.agent('web-1').join();
    }),
  );

  it(
    'refuses a message over 256 KiB, and goes on with others',
    inWorld(async (world) => {
      const stream = rawStream(world);
      stream.call.write(Buffer.alloc(300 * 1024));
      expect((await stream.ended).code).toBe(grpc.status.RESOURCE_EXHAUSTED);
      stream.close();
      await world.agent('web-1').join();
    }),
  );

  it(
    'survives garbage on the socket itself',
    inWorld(async (world) => {
      const [host, port] = world.controller.agentAddress.split(':');
      const socket = connect(Number(port), host);
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(Buffer.alloc(4096, 0xa5));
      await once(socket, 'close');
      const { session } = await world.agent('web-1').join();
      expect(session).not.toBe('');
    }),
  );

  it(
    'refuses a second agent of the same name in another place while the first one lives',
    inWorld(async (world) => {
      await world.liveAgent('web-1');
      const other = world.agent('web-1');
      other.hello({ instanceId: 'another' });
      expect(await reasonOf(other)).toBe('DUPLICATE_IDENTITY');
    }),
  );

  it(
    'refuses a heartbeat whose numbers are past what can be counted',
    inWorld(async (world) => {
      const agent = world.agent('web-1');
      await agent.join();
      agent.say({ case: 'heartbeat', value: { sequence: 2n ** 60n, generation: 1n } });
      expect(await reasonOf(agent)).toBe('INVALID_FIELD');
    }),
  );

  it(
    'gives up a stream that reads nothing while messages wait for it, and keeps little memory for it',
    inWorld(async (world) => {
      const client = new grpc.Client(world.controller.agentAddress, grpc.credentials.createInsecure(), clientOptions);
      const call = client.makeBidiStreamRequest<Buffer, Buffer>(`/${AgentService.typeName}/Connect`, bytes, bytes);
      call.on('error', () => undefined);
      // No reader: once the windows of HTTP/2 are full, the controller's messages stay with it.
      const attempts = (count: number) =>
        Array.from({ length: count }, (_, i) => ({
          run: `${'x'.repeat(50)}-${i + 1}`,
          epoch: BigInt(i + 1),
          state: AttemptState.RUNNING,
        }));
      const say = (message: object): void => {
        call.write(Buffer.from(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, message))));
      };
      const place = { instanceId: 'i', machineId: 'm', bootId: 'b', uptime: { seconds: 1n } };
      say({ message: { case: 'hello', value: { server: 'web-1', ...place, lastPart: true } } });
      const joined = async () => {
        const { servers } = await world.api.servers.listServers({});
        return servers[0]?.connected ? servers[0] : undefined;
      };
      await eventually(joined);
      // Each full state is answered by verdicts on all its attempts.
      for (let i = 0; i < 40; i += 1) {
        say({ message: { case: 'fullState', value: { generation: 1n, attempts: attempts(2_000), lastPart: true } } });
      }
      await eventually(async () => {
        const { servers } = await world.api.servers.listServers({});
        return servers[0]?.connected === false ? true : undefined;
      });
      client.close();
      const { session } = await world.agent('web-2').join();
      expect(session).not.toBe('');
    }),
  );

  it(
    'answers health checks',
    inWorld(async (world) => {
      const client = new grpc.Client(world.controller.agentAddress, grpc.credentials.createInsecure());
      const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', bytes, bytes, Buffer.alloc(0), (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
      // Field 1, SERVING.
      expect([...((await promise) ?? [])]).toEqual([8, 1]);
      client.close();
    }),
  );

  it(
    'is told by the file what is wrong with a port that is in use',
    inWorld(async (world) => {
      const [host = '', port] = world.controller.agentAddress.split(':');
      const failing = world.start({ agentListen: { host, port: Number(port) } });
      await expect(failing).rejects.toThrow(/port is in use.*--agent-listen/);
    }),
  );
});
