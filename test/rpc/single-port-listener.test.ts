import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startListener } from '../../shared/rpc/single-port-listener.ts';
import { startPoolListener } from './pool-listener.ts';

async function opened(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const getPool = (body: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body,
});

describe('the port speaks HTTP/1.1', () => {
  it('serves Connect with JSON', async () => {
    const { url } = await startPoolListener();
    const response = await fetch(`${url}/locum.v1.PoolService/GetPool`, getPool('{"name":"pools/default"}'));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ pool: { name: 'pools/default', defaultMaxSlots: 50 } });
  });

  it('serves plain pages, also to HEAD, and says no to other methods', async () => {
    const { url } = await startPoolListener();
    const page = await fetch(`${url}/healthz?verbose=1`);
    expect([page.status, await page.text()]).toEqual([200, 'ok\n']);
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405);
  });

  it('answers 500 without details when a page fails, and tells its owner', async () => {
    const defects: unknown[] = [];
    const { url } = await startPoolListener({ onDefect: (error) => defects.push(error) });
    const response = await fetch(`${url}/broken`);
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    expect(defects).toEqual([new Error('no page')]);
  });

  it.each([
    [
      'a Host that is no host',
      'POST /locum.v1.PoolService/GetPool HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n',
      403,
    ],
    ['no Host, as HTTP/1.0 allows', 'POST /locum.v1.PoolService/GetPool HTTP/1.0\r\n', 400],
    ['a path that is no path', 'GET //%%\\ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n', 404],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n`, 431],
    ['no HTTP at all', '\u0016\u0003\u0001\r\n\r\n', 400],
  ])('survives %s', async (_what, head, status) => {
    const { port, url } = await startPoolListener();
    const socket = await opened(port);
    socket.write(`${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
    expect(await text(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

describe('the port speaks HTTP/2 without TLS', () => {
  it('serves a plain page', async () => {
    const { url } = await startPoolListener();
    const session = connectHttp2(url);
    const stream = session.request({ ':path': '/healthz' });
    expect(await text(stream)).toBe('ok\n');
    session.close();
  });

  it('allows only so many calls at once on a connection', async () => {
    const { url } = await startPoolListener({ limits: { maxStreamsPerConnection: 7 } });
    const session = connectHttp2(url);
    const [settings] = await once(session, 'remoteSettings');
    expect(settings).toMatchObject({ maxConcurrentStreams: 7 });
    session.close();
  });

  it('survives a preface with rubbish behind it', async () => {
    const { port, url } = await startPoolListener();
    const socket = await opened(port);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is not a frame, and long enough to be read as one');
    await text(socket).catch(() => '');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('resets a call whose body stops arriving', async () => {
    const { url } = await startPoolListener({ limits: { requestTimeoutMs: 100 } });
    const session = connectHttp2(url);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/locum.v1.PoolService/GetPool',
      'content-type': 'application/json',
    });
    stream.on('error', () => undefined);
    stream.write('{"name":');
    await once(stream, 'close');
    expect(stream.rstCode).not.toBe(0);
    session.close();
  });

  it('keeps a long stream of answers that has nothing to say', async () => {
    const { url } = await startPoolListener({
      limits: { requestTimeoutMs: 50 },
      pings: { intervalMs: 20, timeoutMs: 60_000 },
    });
    const session = connectHttp2(url);
    const pings: unknown[] = [];
    session.on('ping', (payload) => pings.push(payload));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/locum.v1.PoolService/WatchPools',
      'content-type': 'application/connect+json',
    });
    const body = Buffer.from('{"revision":"9"}');
    const size = Buffer.alloc(5);
    size.writeUInt32BE(body.length, 1);
    stream.end(Buffer.concat([size, body]));
    await once(stream, 'data');
    // Ten pings of the server are 200 ms: four times the limit on silent requests.
    while (pings.length < 10) await once(session, 'ping');
    expect(stream.closed).toBe(false);
    session.destroy();
  });
});

describe('nobody can hold a connection for nothing', () => {
  it('closes one that says nothing', async () => {
    const { port } = await startPoolListener({ limits: { firstBytesTimeoutMs: 50 } });
    const socket = await opened(port);
    expect(await text(socket)).toBe('');
  });

  it('closes one that ends after two bytes', async () => {
    const { port } = await startPoolListener();
    const socket = await opened(port);
    socket.end('PR');
    expect(await text(socket)).toBe('');
  });

  it('closes one that never finishes the head of its request', async () => {
    const { port } = await startPoolListener({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    const socket = await opened(port);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => socket.write('X: y\r\n'), 20);
    let answer = '';
    // What drips in after the answer is answered with a reset.
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        answer += String(chunk);
      });
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('closes one that never finishes the body of its request', async () => {
    const { port } = await startPoolListener({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 200 } });
    const socket = await opened(port);
    const head = 'POST /locum.v1.PoolService/GetPool HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n';
    socket.write(`${head}content-length: 10\r\n\r\n{`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('takes only so many connections: the one that has said nothing for longest makes room', async () => {
    const { port, url } = await startPoolListener({ limits: { maxConnections: 2 } });
    const first = await opened(port);
    const second = await opened(port);
    const third = await opened(port);
    expect(await text(first).catch(() => '')).toBe('');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await text(second).catch(() => '')).toBe('');
    expect(third.closed).toBe(false);
  });

  it('destroys an HTTP/2 connection that does not answer pings', async () => {
    const { port } = await startPoolListener({ pings: { intervalMs: 20, timeoutMs: 50 } });
    const socket = await opened(port);
    // The preface and empty settings make a session; after that this client is deaf.
    socket.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1'));
    socket.resume();
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });
});

describe('rubbish', () => {
  const beginnings = [
    '',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0',
    'POST /locum.v1.PoolService/GetPool HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n',
    'POST /locum.v1.PoolService/WatchPools HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/connect+proto\r\n\r\n',
  ];

  it('of any kind leaves the listener alive', async () => {
    const { port, url, defects } = await startPoolListener();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), async (head, bytes) => {
        const socket = await opened(port);
        socket.end(Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
        await once(socket.resume(), 'close');
      }),
      { numRuns: 100 },
    );
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(defects).toEqual([]);
  });
});

describe('closing', () => {
  it('lets a call in flight finish and takes no new connection', async () => {
    const gate = Promise.withResolvers<void>();
    const { url, close } = await startPoolListener({
      routes: { '/slow': () => gate.promise.then(() => ({ status: 200, contentType: 'text/plain', body: 'done' })) },
    });
    const slow = fetch(`${url}/slow`);
    await fetch(`${url}/locum.v1.PoolService/ListPools`, getPool('{}'));
    const closed = close(10_000);
    await expect(fetch(`${url}/slow`)).rejects.toThrow('fetch failed');
    gate.resolve();
    expect(await (await slow).text()).toBe('done');
    await closed;
  });

  it('cuts what is left after the grace', async () => {
    const { url, close } = await startPoolListener();
    const session = connectHttp2(url);
    session.on('error', () => undefined);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/locum.v1.PoolService/WatchPools',
      'content-type': 'application/connect+json',
    });
    stream.on('error', () => undefined);
    stream.end(Buffer.from('\0\0\0\0\u0010{"revision":"9"}', 'latin1'));
    await once(stream, 'data');
    const gone = once(session, 'close');
    await close(20);
    await gone;
    expect(session.destroyed).toBe(true);
  });

  it('does not wait for a connection that has said nothing', async () => {
    const { port, close } = await startPoolListener();
    const socket = await opened(port);
    await close(10_000);
    await once(socket.resume(), 'close');
    expect(socket.destroyed).toBe(true);
  });

  it('happens by the signal, too', async () => {
    const controller = new AbortController();
    const { port } = await startPoolListener({ signal: controller.signal });
    const socket = await opened(port);
    controller.abort();
    await once(socket.resume(), 'close');
    await expect(opened(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('an address that can not be bound', () => {
  it('is named, with what to do', async () => {
    const { port } = await startPoolListener();
    const again = startListener({ host: '127.0.0.1', port, handler: () => undefined });
    await expect(again).rejects.toMatchObject({
      name: 'ListenError',
      code: 'EADDRINUSE',
      message: `can not listen on 127.0.0.1:${port}: the port is in use by another process: stop that one, or choose another port`,
    });
  });

  it('can be one that the host does not have', async () => {
    const elsewhere = startListener({ host: '203.0.113.1', port: 0, handler: () => undefined });
    await expect(elsewhere).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});
