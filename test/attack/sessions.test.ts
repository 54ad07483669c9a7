import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPoolListener } from '../rpc/pool-listener.ts';
import { callHead, closeOf, FLAG, FRAME, flood, fourBytes, frame, openHttp2 } from './frames.ts';

const HEAD = callHead('/locum.v1.PoolService/GetPool');
/** More than any of them gets through with. */
const LIMIT = 100_000;

async function session(url: string): Promise<ClientHttp2Session> {
  const opened = connectHttp2(url);
  opened.on('error', () => undefined);
  onTestFinished(() => opened.destroy());
  await once(opened, 'remoteSettings');
  return opened;
}

describe('a session that floods is ended, and the others are served', () => {
  it.each<[string, (i: number) => Buffer]>([
    [
      'calls that are reset at once (CVE-2023-44487)',
      (i) =>
        Buffer.concat([
          frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * i + 1, HEAD),
          frame(FRAME.RST_STREAM, FLAG.NONE, 2 * i + 1, fourBytes(8)),
        ]),
    ],
    ['pings (CVE-2019-9512)', () => frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8))],
    ['settings (CVE-2019-9515)', () => frame(FRAME.SETTINGS, FLAG.NONE, 0)],
    ['priorities', (i) => frame(FRAME.PRIORITY, FLAG.NONE, 2 * (i % 1_000) + 1, Buffer.from([0, 0, 0, 0, 1]))],
    [
      'empty pieces of a body (CVE-2019-9518)',
      (i) => (i === 0 ? frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, HEAD) : frame(FRAME.DATA, FLAG.NONE, 1)),
    ],
    [
      'a head without an end (CVE-2024-27983)',
      (i) =>
        i === 0
          ? frame(FRAME.HEADERS, FLAG.NONE, 1, HEAD)
          : frame(FRAME.CONTINUATION, FLAG.NONE, 1, Buffer.from([0, 1, 0x61, 1, 0x62])),
    ],
  ])('%s', async (_what, make) => {
    const { port, url, defects } = await startPoolListener();
    const healthy = await session(url);
    const attacker = await openHttp2(port);
    const closed = closeOf(attacker);
    const sent = await flood(attacker, LIMIT, make);
    expect(sent).toBeLessThan(LIMIT);
    await closed;
    expect(healthy.closed).toBe(false);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(defects).toEqual([]);
  });

  it('also one that says goodbye, makes an error and goes, with a call under way', async () => {
    const { port, defects } = await startPoolListener({ pings: { intervalMs: 50, timeoutMs: 2_000 } });
    const client = await openHttp2(port);
    const closed = closeOf(client);
    client.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, HEAD));
    // In one piece: nghttp2 reads none of what comes after the error, and nobody hears of the end.
    client.end(
      Buffer.concat([
        frame(FRAME.GOAWAY, FLAG.NONE, 0, Buffer.alloc(8)),
        frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(4)),
      ]),
    );
    await closed;
    expect(defects).toEqual([]);
  });

  it.each([
    ['with its end in a frame of its own', [frame(FRAME.DATA, FLAG.END_STREAM, 1)]],
    ['with an empty piece before it', [frame(FRAME.DATA, FLAG.NONE, 1), frame(FRAME.DATA, FLAG.END_STREAM, 1)]],
  ])('but a call without a body is answered, %s, also where all of it comes at once', async (_how, body) => {
    const { port } = await startPoolListener();
    const client = await openHttp2(port);
    onTestFinished(() => void client.destroy());
    const { promise: answered, resolve } = Promise.withResolvers<boolean>();
    let came = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      came = Buffer.concat([came, bytes]);
      for (let at = 0; at + 9 <= came.length; at += 9 + came.readUIntBE(at, 3))
        if (came.readUInt8(at + 3) === FRAME.HEADERS) resolve(true);
    });
    client.write(Buffer.concat([frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, HEAD), ...body]));
    expect(await answered).toBe(true);
  });

  it('but a client may give up all its calls at once', async () => {
    const { url } = await startPoolListener();
    const client = await session(url);
    const calls = Array.from({ length: 100 }, () =>
      client.request({ ':method': 'POST', ':path': '/locum.v1.PoolService/GetPool' }),
    );
    const closed = calls.map(closeOf);
    for (const call of calls) {
      call.on('error', () => undefined);
      call.close(constants.NGHTTP2_CANCEL);
    }
    await Promise.all(closed);
    const again = client.request({ ':path': '/healthz' });
    const [headers] = await once(again, 'response');
    expect(headers[':status']).toBe(200);
  });
});

/** A call whose body never comes. Resolves when the listener has begun with it, and asks for the rest. */
async function halfCall(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  const head = ['POST /locum.v1.PoolService/GetPool HTTP/1.1', 'host: localhost', 'content-type: application/json'];
  socket.write([...head, 'content-length: 9', 'expect: 100-continue', '', ''].join('\r\n'));
  await once(socket, 'data');
}

describe('connections that do nothing', () => {
  it('lock nobody out: the one that is idle longest makes room', async () => {
    const { url } = await startPoolListener({ limits: { maxConnections: 20 } });
    const sessions = [];
    for (let i = 0; i < 20; i += 1) sessions.push(await session(url));
    const [first, second] = sessions;
    const told = once(first as ClientHttp2Session, 'goaway');
    const response = await fetch(`${url}/locum.v1.PoolService/GetPool`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"pools/default"}',
    });
    expect(response.status).toBe(200);
    await told;
    expect(second?.closed).toBe(false);
  });

  it('are closed after a while, and those with a call are not', async () => {
    const { url } = await startPoolListener({ limits: { idleSessionMs: 100 } });
    const [idle, busy] = [await session(url), await session(url)];
    const watch = busy.request({
      ':method': 'POST',
      ':path': '/locum.v1.PoolService/WatchPools',
      'content-type': 'application/connect+json',
    });
    const body = Buffer.from('{"revision":"9"}');
    watch.end(Buffer.concat([Buffer.from([0]), fourBytes(body.length), body]));
    await once(watch, 'data');
    await once(idle, 'close');
    expect([watch.closed, busy.closed]).toEqual([false, false]);
  });

  it('and are busy with half a call each leave health to be asked, and say to the others what is wrong', async () => {
    const { port, url } = await startPoolListener({ limits: { maxConnections: 8, reservedConnections: 3 } });
    for (let i = 0; i < 8; i += 1) await halfCall(port);
    const call = await fetch(`${url}/locum.v1.PoolService/ListPools`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(call.status).toBe(503);
    expect(await call.json()).toMatchObject({
      code: 'resource_exhausted',
      details: [{ debug: { reason: 'OVERLOADED' } }],
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const client = await session(url);
    const probe = client.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/json',
    });
    probe.end('{}');
    const [headers] = await once(probe, 'response');
    expect(headers[':status']).toBe(200);
  });
});
