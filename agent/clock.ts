/** Reads the clocks of the agent. */
import { readClocks } from '../shared/host/clocks.ts';
import type { AgentNow } from './core/clock.ts';

/** The two clocks of leases, and the wall clock. */
export function readNow(): AgentNow {
  return { ...readClocks(), wall: Date.now() };
}
