import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

const HOST = '127.0.0.1';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Ends {
  readonly proxy: TcpProxy;
  readonly agent: Socket;
  readonly controller: Socket;
}

async function joined(): Promise<Ends> {
  const server = createServer().listen({ host: HOST, port: 0 });
  await once(server, 'listening');
  closers.push(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const proxy = await TcpProxy.listen({ host: HOST, port: 0, target: { host: HOST, port } });
  closers.push(() => proxy.close());
  const accepted = once(server, 'connection');
  const agent = connect({ host: HOST, port: proxy.port });
  agent.on('error', () => undefined);
  closers.push(() => agent.destroy());
  const [controller]: Socket[] = await accepted;
  if (controller === undefined) throw new Error('nobody connected');
  controller.on('error', () => undefined);
  closers.push(() => controller.destroy());
  return { proxy, agent, controller };
}

const next = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);

describe('the proxy', () => {
  it('hands over both ways', async () => {
    const { agent, controller } = await joined();
    agent.write('heartbeat');
    expect(await next(controller)).toBe('heartbeat');
    controller.write('grant');
    expect(await next(agent)).toBe('grant');
  });

  it('cut one way: holds that direction only, and delivers in order when healed', async () => {
    const { proxy, agent, controller } = await joined();
    const seen: string[] = [];
    agent.on('data', (bytes: Buffer) => seen.push(bytes.toString()));
    proxy.set(HOST, { holdToAgent: true });
    controller.write('grant 1,');
    agent.write('heartbeat');
    // The other direction still works, and the answer to it is held as well.
    expect(await next(controller)).toBe('heartbeat');
    controller.write('grant 2');
    agent.write('heartbeat');
    expect(await next(controller)).toBe('heartbeat');
    expect(seen).toEqual([]);
    proxy.heal(HOST);
    while (seen.join('') !== 'grant 1,grant 2') await once(agent, 'data');
  });

  it('half-open: an end is not told before it is healed', async () => {
    const { proxy, agent, controller } = await joined();
    proxy.set(HOST, { holdToAgent: true, holdToController: true });
    let isTold = false;
    controller.on('close', () => {
      isTold = true;
    });
    const closed = once(agent, 'close');
    agent.destroy();
    await closed;
    const other = connect({ host: HOST, port: proxy.port });
    await once(other, 'connect');
    other.destroy();
    expect(isTold).toBe(false);
    controller.resume();
    const end = once(controller, 'end');
    proxy.heal(HOST);
    await end;
  });

  it('resets the connections of a client, and counts them', async () => {
    const { proxy, agent } = await joined();
    // Not `once`: that takes the reset for a failure.
    const closed = new Promise((resolve) => agent.on('close', resolve));
    agent.resume();
    expect(proxy.reset(HOST)).toBe(1);
    await closed;
    expect(proxy.reset('10.0.0.1')).toBe(0);
  });
});
