import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EtcdClient } from '../../controller/store/etcd/client.ts';
import { Lease } from '../../controller/store/etcd/lease.ts';

/** An etcd that grants a lease of 1 s, and is never heard again. */
const silentEtcd = {
  closing: new AbortController().signal,
  read: async () => ({ id: 1n, ttl: 1n }),
  open: async () => {
    throw new Error('nobody answers');
  },
  pause: () => new Promise<void>(() => undefined),
} as unknown as EtcdClient;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the lease of a leadership', () => {
  it('that nobody renews is lost by our own clock, also when the timer fires a moment early', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const lease = await Lease.grant(silentEtcd, 1_000, new AbortController().signal);
    // Good for 900 ms. Timers count whole milliseconds, and are early by up to one.
    nowMs = 899.5;
    vi.advanceTimersByTime(901);
    expect(lease.lost.aborted).toBe(false);
    nowMs = 900.4;
    vi.advanceTimersByTime(2);
    expect(lease.lost.aborted).toBe(true);
  });
});
