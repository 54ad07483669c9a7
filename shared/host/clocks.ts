/**
 * Reads the clocks that lease arithmetic rests on (semantics: A6, A9). Neither is touched by a step of the wall clock, and both are
 * the same in every process of a boot, so a reading of the agent means the same to its keeper.
 */
import { uptime } from 'node:os';
import type { Reading } from '../lease-clock.ts';
import type { Now } from '../time.ts';

/**
 * CLOCK_MONOTONIC with fractions of a millisecond; CLOCK_BOOTTIME in steps of 10 ms, never ahead of the clock itself. The coarse step
 * costs nothing where it counts: monotonic time sees every deadline but one that passed in suspend.
 */
export function readClocks(): Reading {
  return { mono: Number(process.hrtime.bigint()) / 1e6, boot: uptime() * 1000 };
}

/** The two clocks of leases, and the wall clock. */
export const readNow = (): Reading & Now => ({ ...readClocks(), wall: Date.now() });
