import { describe, expect, it } from 'vitest';
import { ConnectionQueue, defaultConnectionPace, FLOOD_TURNS } from '../../shared/rpc/connection-queue.ts';

const [HEALTHY, FLOODING] = ['192.0.2.1', '198.51.100.1'];
const { burst, everyMs } = defaultConnectionPace;

/** As many of this address as are begun at once. */
function useUp(queue: ConnectionQueue<string>, address: string, nowMs: number): number {
  for (let i = 0; ; i += 1) if (!queue.admit(`${address}#${i}`, address, nowMs)) return i;
}

describe('the queue of connections', () => {
  it('begins what comes within the pace at once, and the rest later', () => {
    const queue = new ConnectionQueue<string>();
    expect(useUp(queue, FLOODING, 0)).toBe(burst);
    expect(queue.admit('a', HEALTHY, 0)).toBe(true);
    expect(queue.isEmpty).toBe(false);
  });

  it('goes on by the pace while others come, and without a limit while nobody does', () => {
    const queue = new ConnectionQueue<string>();
    useUp(queue, FLOODING, 0);
    for (let i = 0; i < 9; i += 1) queue.admit(`later ${i}`, FLOODING, 0);
    expect(queue.next(everyMs - 1, false)).toBeUndefined();
    expect(queue.next(everyMs, false)).toBe(`${FLOODING}#${burst}`);
    expect(queue.next(everyMs, false)).toBeUndefined();
    const rest = Array.from({ length: 9 }, () => queue.next(everyMs, true));
    expect(rest).toEqual(Array.from({ length: 9 }, (_, i) => `later ${i}`));
    expect(queue.isEmpty).toBe(true);
  });

  it('takes one of each address in turn', () => {
    const queue = new ConnectionQueue<string>({ burst: 1, everyMs: 1_000 });
    for (const address of ['a', 'b']) for (let i = 0; i < 3; i += 1) queue.admit(`${address}${i}`, address, 0);
    expect(Array.from({ length: 5 }, () => queue.next(0, true))).toEqual(['a1', 'b1', 'a2', 'b2', undefined]);
  });

  it('keeps the order of an address, also when its pace would let a new one pass', () => {
    const queue = new ConnectionQueue<string>({ burst: 1, everyMs: 1_000 });
    for (const connection of ['first', 'second']) queue.admit(connection, FLOODING, 0);
    expect(queue.admit('third', FLOODING, 5_000)).toBe(false);
    expect(queue.next(5_000, false)).toBe('second');
  });

  it('counts a flood for many, and lets nobody fall ever further behind', () => {
    const queue = new ConnectionQueue<string>();
    for (let i = 0; i < 1_000; i += 1) queue.charge(FLOODING, FLOOD_TURNS, 0);
    expect(queue.admit('a', FLOODING, 0)).toBe(false);
    expect(queue.next((burst + FLOOD_TURNS) * everyMs, false)).toBe('a');
  });

  it('forgets those that are closed', () => {
    const queue = new ConnectionQueue<string>({ burst: 1, everyMs: 1_000 });
    for (const connection of ['a', 'b', 'c']) queue.admit(connection, FLOODING, 0);
    for (const connection of ['a', 'b', 'c']) queue.delete(connection, FLOODING);
    expect(queue.isEmpty).toBe(true);
  });
});

/** Of one thread. */
const [TAKE_MS, BEGIN_MS] = [0.15, 10];

/**
 * Somebody opens `perSecond` connections that cost as much as a flood does, for 5 s, and another address one every 100 ms: how long those
 * waited to be begun at most. Each turn of the loop takes one from the kernel, as libuv does.
 */
function longestWait(perSecond: number, begins: 'by the queue' | 'as it comes'): number {
  const queue = new ConnectionQueue<{ readonly from: string; readonly atMs: number }>();
  const arrivals = [
    ...Array.from({ length: 5 * perSecond }, (_, i) => ({ from: FLOODING, atMs: (i * 1_000) / perSecond })),
    ...Array.from({ length: 50 }, (_, i) => ({ from: HEALTHY, atMs: i * 100 + 0.5 })),
  ].sort((a, b) => a.atMs - b.atMs);
  let [nowMs, longest, isQuiet] = [0, 0, true];
  const begin = ({ from, atMs }: { readonly from: string; readonly atMs: number }): void => {
    if (from === HEALTHY) longest = Math.max(longest, nowMs - atMs);
    else nowMs += BEGIN_MS;
    if (from === FLOODING) queue.charge(from, FLOOD_TURNS, nowMs);
  };
  for (let taken = 0; taken < arrivals.length || !queue.isEmpty; nowMs += TAKE_MS) {
    const next = queue.next(nowMs, isQuiet);
    if (next !== undefined) begin(next);
    const [arrival] = arrivals.slice(taken, taken + 1);
    isQuiet = arrival === undefined || arrival.atMs > nowMs;
    if (arrival === undefined || isQuiet) continue;
    taken += 1;
    if (begins === 'as it comes' || queue.admit(arrival, arrival.from, nowMs)) begin(arrival);
  }
  return longest;
}

describe('whoever connects beside somebody who floods', () => {
  it('waits behind all of his floods where each is begun as it comes', () => {
    expect(longestWait(200, 'as it comes')).toBeGreaterThan(1_000);
  });

  // His burst is begun before anything is known of him.
  it.each([100, 200, 1_000])('waits for three of them at most, of %i a second', (perSecond) => {
    expect(longestWait(perSecond, 'by the queue')).toBeLessThan(3 * BEGIN_MS + 50 * TAKE_MS);
  });
});
