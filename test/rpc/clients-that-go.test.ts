import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPoolListener } from './pool-listener.ts';

const path = (method: string): string => `/locum.v1.PoolService/${method}`;
const CODES = [
  constants.NGHTTP2_NO_ERROR,
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_INTERNAL_ERROR,
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_CANCEL,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
];

/** Calls in their middle: the body has begun, or the answer has. */
const CALLS = [
  ['while it sends GetPool', 'GetPool', false],
  ['while it sends WatchPools', 'WatchPools', false],
  ['while it watches', 'WatchPools', true],
] as const;

async function callUnderWay(url: string, method: string, isWhole: boolean) {
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  const type = method === 'GetPool' ? 'application/json' : 'application/connect+json';
  const stream = session.request({ ':method': 'POST', ':path': path(method), 'content-type': type });
  stream.on('error', () => undefined);
  const body = Buffer.from('\0\0\0\0\x11{"revision":"10"}');
  if (isWhole) {
    stream.end(body);
    await once(stream, 'data');
  } else {
    stream.write(body.subarray(0, 9));
    await new Promise((resolve) => session.ping(Buffer.alloc(8), resolve));
  }
  return stream;
}

describe('a client that goes away is no defect of ours', () => {
  for (const [when, method, isWhole] of CALLS) {
    it.each(CODES)(`whatever code it resets its stream with, ${when}: %i`, async (code) => {
      const listener = await startPoolListener();
      const stream = await callUnderWay(listener.url, method, isWhole);
      stream.close(code);
      // Not `once` of node:events, which rejects when the client hears of its own reset.
      await new Promise<void>((resolve) => stream.once('close', resolve));
      await expect.poll(() => listener.openWatches()).toBe(0);
      // The next call is answered after what the one before left behind.
      expect((await fetch(`${listener.url}/healthz`)).status).toBe(200);
      expect(listener.defects).toEqual([]);
    });
  }

  it.each(['fin', 'rst'])('in the middle of a request of HTTP/1.1, by %s', async (how) => {
    const listener = await startPoolListener();
    const [host, port] = listener.target.split(':');
    const socket = connect(Number(port), host)
      .on('error', () => undefined)
      .resume();
    const head = `POST ${path('GetPool')} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n`;
    await new Promise((resolve) => socket.write(`${head}{"name"`, resolve));
    if (how === 'rst') socket.resetAndDestroy();
    else socket.end();
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await fetch(`${listener.url}/healthz`)).status).toBe(200);
    expect(listener.defects).toEqual([]);
  });
});
