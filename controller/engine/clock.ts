/** The leader's clocks. Everything else takes `Now` as an argument. */
import type { Now } from '../../shared/time.ts';

export type Clock = () => Now;

/**
 * Leader time is the smallest of what the host's clocks say has passed (semantics A6), so that a leader never thinks a lease is
 * over too early. On every system that Node runs on the monotonic clock is that one: the boot-time clock is it plus the time
 * spent suspended. So the monotonic clock alone is read.
 */
export const systemClock: Clock = () => ({ mono: performance.now(), wall: Date.now() });
