/** Health checks over real sockets: what answers, what does not, and what tries to hold the agent up. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CheckOutcome } from '../../../agent/core/health.ts';
import { HealthChecker } from '../../../agent/health/health-checker.ts';
import { probeHttp, probeTcp } from '../../../agent/health/network-probe.ts';
import { epoch, runId } from '../../../shared/ids.ts';

const HOST = '127.0.0.1';
const LONG_MS = 10_000;

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const served = (listener: RequestListener): Promise<number> => listening(createHttpServer(listener));
const get = (port: number, path = '/', timeoutMs = LONG_MS): Promise<CheckOutcome> =>
  probeHttp({ kind: 'http', host: HOST, port, path, tls: false }, timeoutMs);

describe('an HTTP check', () => {
  it.each([
    [200, 'SUCCEEDED'],
    [204, 'SUCCEEDED'],
    [302, 'SUCCEEDED'],
    [404, 'FAILED'],
    [503, 'FAILED'],
  ] as const)('of a page that answers %i has %s', async (status, kind) => {
    const asked: string[] = [];
    const port = await served(({ method, url }, response) => {
      asked.push(`${method} ${url}`);
      response.writeHead(status, { location: '/elsewhere' }).end('with a body');
    });
    expect(await get(port, '/ready?deep=1')).toMatchObject({ kind });
    expect(asked).toEqual(['GET /ready?deep=1']);
  });

  it('says with which status it failed, and nothing of the page', async () => {
    const port = await served((_, response) => void response.writeHead(500).end('password=hunter2'));
    expect(await get(port)).toEqual({ kind: 'FAILED', detail: `GET / on port ${port} was answered with status 500` });
  });

  it('of a page without an end has succeeded with its first line', async () => {
    const port = await served((_, response) => {
      response.writeHead(200);
      const flood = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(flood));
      };
      flood();
    });
    expect(await get(port)).toEqual({ kind: 'SUCCEEDED' });
  });

  it('that is never answered is given up at its time', async () => {
    const port = await served(() => undefined);
    expect(await get(port, '/', 100)).toMatchObject({ kind: 'FAILED' });
  });

  it('fails where headers never end, or something else than HTTP answers', async () => {
    const port = await listening(
      createServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const flood = (): void => {
          if (!socket.destroyed) socket.write(`x-${'a'.repeat(4_096)}: b\r\n`, () => setImmediate(flood));
        };
        flood();
      }),
    );
    expect(await get(port)).toMatchObject({ kind: 'FAILED' });
    const other = await listening(createServer((socket) => void socket.end('220 mail.example ESMTP\r\n')));
    expect(await get(other)).toMatchObject({ kind: 'FAILED' });
  });
});

describe('a TCP check', () => {
  const open = (port: number): Promise<CheckOutcome> => probeTcp({ kind: 'tcp', host: HOST, port }, LONG_MS);

  it('succeeds where a port takes connections, and fails where none does', async () => {
    const server = createServer((socket) => void socket.resume());
    const port = await listening(server);
    expect(await open(port)).toEqual({ kind: 'SUCCEEDED' });
    server.close();
    await once(server, 'close');
    expect(await open(port)).toMatchObject({ kind: 'FAILED', detail: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('checks of many runs at once', () => {
  it('are made a few at a time, and all are answered', async () => {
    let [now, most] = [0, 0];
    const waiting: (() => void)[] = [];
    const all = Promise.withResolvers<void>();
    const told = new Set<string>();
    const checker = new HealthChecker({
      runInPlace: async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise<void>((resolve) => void waiting.push(resolve));
        now -= 1;
        return { kind: 'SUCCEEDED' };
      },
      tell: ({ attempt }) => {
        told.add(attempt.run);
        if (told.size === 100) all.resolve();
        waiting.shift()?.();
      },
    });
    for (let i = 1; i <= 100; i += 1) {
      const attempt = { run: runId(`job-${i}`), epoch: epoch(i) };
      checker.check({ kind: 'check', attempt, probe: { kind: 'exec', argv: ['true'] }, timeoutMs: LONG_MS });
    }
    expect(now).toBe(16);
    for (const go of waiting.splice(0)) go();
    await all.promise;
    expect(most).toBe(16);
  });
});
