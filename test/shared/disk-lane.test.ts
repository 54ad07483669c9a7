import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DiskLane, DiskStalledError } from '../../shared/disk-lane.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a lane does one thing at a time, in the order in which it was asked', async () => {
  const lane = new DiskLane('test', 1_000);
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const both = Promise.all([
    lane.run(async () => {
      seen.push('first begins');
      await first.promise;
      seen.push('first ends');
    }),
    lane.run(async () => void seen.push('second')),
  ]);
  await vi.advanceTimersByTimeAsync(10);
  expect(seen).toEqual(['first begins']);
  first.resolve();
  await both;
  expect(seen).toEqual(['first begins', 'first ends', 'second']);
  expect(lane.busy).toBe(false);
});

it('nobody waits longer than the limit for a disk that stalls, and what had no turn by then is never done', async () => {
  const lane = new DiskLane('test', 1_000);
  const stalled = Promise.withResolvers<string>();
  let second = false;
  const asked = Promise.allSettled([lane.run(() => stalled.promise), lane.run(async () => (second = true))]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await asked).toMatchObject([
    { status: 'rejected', reason: expect.any(DiskStalledError) },
    { status: 'rejected', reason: expect.any(DiskStalledError) },
  ]);
  expect(lane.busy).toBe(true);
  await expect(lane.run(async () => 'at once')).rejects.toThrow('does not answer');

  stalled.resolve('late');
  await vi.advanceTimersByTimeAsync(0);
  expect(second).toBe(false);
  expect(await lane.run(async () => 'again')).toBe('again');
});

it('a thing that fails is told to who asked for it, and is no stall', async () => {
  const lane = new DiskLane('test', 1_000);
  await expect(lane.run(() => Promise.reject(new Error('no space')))).rejects.toThrow('no space');
  expect(await lane.run(async () => 1)).toBe(1);
});
