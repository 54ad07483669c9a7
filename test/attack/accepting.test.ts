/** Connections that come faster than they are taken. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished, vi } from 'vitest';
import { callerAddressOf } from '../../shared/rpc/caller-address.ts';
import { startPoolListener } from '../rpc/pool-listener.ts';
import type { Connecting } from './connecting-worker.ts';

/** More than Node's own 511, and far fewer than any system's own bound. */
const BURST = 800;
const PATIENCE_MS = 20_000;

const systemBound = (): number => {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
};

/** Resolves when all are connected, of which nothing was taken: this thread stands still. What the kernel drops would be tried again, and dropped again. */
function connectAll(connecting: Omit<Connecting, 'connected'>): number {
  const connected = new SharedArrayBuffer(4);
  const workerData: Connecting = { ...connecting, connected };
  const worker = new Worker(new URL('./connecting-worker.ts', import.meta.url), { workerData, execArgv: [] });
  onTestFinished(() => void worker.terminate());
  const there = new Int32Array(connected);
  const untilMono = performance.now() + PATIENCE_MS;
  const all = connecting.from.length;
  for (let now = 0; now < all && performance.now() < untilMono; now = Atomics.load(there, 0))
    Atomics.wait(there, 0, now, untilMono - performance.now());
  return Atomics.load(there, 0);
}

it('a burst of connections makes nobody wait for a second try, also while this process does something else', async (ctx) => {
  if (systemBound() < 2 * BURST) return ctx.skip('the system lets no listener have so many connections ready');
  const { port, url } = await startPoolListener();
  const from = Array.from({ length: BURST }, (_, i) => `127.0.0.${2 + (i % 8)}`);
  expect(connectAll({ port, from })).toBe(BURST);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

it('somebody who comes behind all connections of another address is served before most of them, and they after him', async () => {
  const [healthy, flooding] = ['127.0.0.1', '127.0.0.2'];
  const order: string[] = [];
  const { port } = await startPoolListener({
    // By the pace alone the last of them would be served after an hour.
    limits: { connectionPace: { burst: 3, everyMs: 60_000 } },
    handler: (request, response) => {
      order.push(callerAddressOf(request));
      response.end();
    },
  });
  const text = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const from = [...Array<string>(100).fill(flooding), healthy];
  expect(connectAll({ port, from, text })).toBe(from.length);
  await vi.waitFor(() => expect(order).toHaveLength(from.length), PATIENCE_MS);
  expect(order.indexOf(healthy)).toBeLessThan(20);
});
