/** Connections that are all ready before the first of them is taken. */
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import type { Connecting } from './connecting-worker.ts';

const PATIENCE_MS = 20_000;

/**
 * Opens connections of another thread, and returns when all are there, and how many: none of them was taken, since this thread stands still.
 * What the kernel drops would be tried again, and dropped again. They end with the test.
 */
export function connectAll(connecting: Omit<Connecting, 'connected'>): number {
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
