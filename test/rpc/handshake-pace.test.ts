import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../shared/backoff.ts';
import type { PaceOptions } from '../../shared/pace.ts';
import { Prng } from '../../shared/prng.ts';
import { defaultHandshakePace, HandshakePace } from '../../shared/rpc/handshake-pace.ts';
import { EventQueue } from '../sim/event-queue.ts';

const ADDRESS = '192.0.2.1';
const AGENTS = 1_000;
/** What a handshake takes of the one processor that makes them all, one after the other; twice what was measured. */
const HANDSHAKE_MS = 2.2;
/** As an agent with leases to lose dials (agent/core/dial.ts). */
const URGENT = { baseMs: 100, capMs: 1_000 };

/** When each agent was in, in milliseconds after all of them lost their controller at once. */
function reconnect({ proves, flood = 0 }: { readonly proves: boolean; readonly flood?: number }): number[] {
  const [queue, random, pace] = [new EventQueue(), new Prng(1), new HandshakePace()];
  const inAt: number[] = [];
  let freeAt = 0;
  const dial = (name: string, failures: number): void => {
    if (!pace.begin(ADDRESS, queue.now)) {
      queue.after(backoffMs(URGENT, failures, random.float()), () => dial(name, failures + 1));
      return;
    }
    freeAt = Math.max(freeAt, queue.now) + HANDSHAKE_MS;
    queue.after(freeAt - queue.now, () => {
      if (proves) pace.prove(ADDRESS, name, queue.now);
      inAt.push(queue.now);
    });
  };
  for (let i = 0; i < AGENTS; i += 1) queue.after(random.float() * 100, () => dial(`server/${i}`, 0));
  for (let i = 0; i < flood; i += 1) queue.after((i * 1_000) / flood, () => pace.begin('198.51.100.1', queue.now));
  queue.runUntil(60_000, () => false);
  return inAt.sort((a, b) => a - b);
}

describe('the pace of handshakes', () => {
  it('lets a thousand agents behind one address back in as fast as they can be shaken hands with', () => {
    const inAt = reconnect({ proves: true, flood: 1_000 });
    expect(inAt).toHaveLength(AGENTS);
    // Leases last 20 s from the heartbeat before.
    expect(inAt.at(-1)).toBeLessThan(5_000);
  });

  it('lets them in well within their leases even if nothing they show were to count', () => {
    const inAt = reconnect({ proves: false });
    expect(inAt).toHaveLength(AGENTS);
    expect(inAt.at(-1)).toBeLessThan(12_000);
  });

  it('keeps a flood from one address to a twentieth of a processor, once its burst is used up', () => {
    const pace = new HandshakePace();
    const begun = (from: number, to: number): number =>
      Array.from({ length: to - from }, (_, i) => pace.begin(ADDRESS, from + i)).filter((isLetIn) => isLetIn).length;
    expect(begun(0, 1_000)).toBe(defaultHandshakePace.address.burst + 49);
    expect(begun(1_000, 11_000)).toBe(500);
  });

  it('takes what a name does beyond its own from its address', () => {
    const pace = new HandshakePace();
    const begun = Array.from({ length: 10_000 }, (_, ms) => {
      const isLetIn = pace.begin(ADDRESS, ms);
      if (isLetIn) pace.prove(ADDRESS, 'server/broken', ms);
      return isLetIn;
    });
    const { address, name } = defaultHandshakePace;
    const within = ({ burst, everyMs }: PaceOptions): number => burst + 10_000 / everyMs;
    expect(begun.filter((isLetIn) => isLetIn).length).toBeLessThanOrEqual(within(address) + within(name));
  });
});
