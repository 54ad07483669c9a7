/** Connections that come faster than they are taken. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
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

it('a burst of connections makes nobody wait for a second try, also while this process does something else', async (ctx) => {
  if (systemBound() < 2 * BURST) return ctx.skip('the system lets no listener have so many connections ready');
  const { port, url } = await startPoolListener();
  const connected = new SharedArrayBuffer(4);
  const workerData: Connecting = { port, count: BURST, connected };
  const worker = new Worker(new URL('./connecting-worker.ts', import.meta.url), { workerData, execArgv: [] });
  onTestFinished(() => void worker.terminate());
  // Nothing is taken meanwhile: this thread stands still. What the kernel drops would be tried again, and dropped again.
  const there = new Int32Array(connected);
  const untilMono = performance.now() + PATIENCE_MS;
  for (let now = 0; now < BURST && performance.now() < untilMono; now = Atomics.load(there, 0))
    Atomics.wait(there, 0, now, untilMono - performance.now());
  expect(Atomics.load(there, 0)).toBe(BURST);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});
