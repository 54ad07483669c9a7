/** A loop on virtual time: Node's timers and the loop's clock go together. */
import { afterEach, beforeEach, vi } from 'vitest';
import type { Effect } from '../../../controller/core/cluster/effect.ts';
import { systemAgenda } from '../../../controller/engine/agenda.ts';
import { Loop, type LoopOptions, type LoopOwner } from '../../../controller/engine/loop.ts';
import { FakeCore } from './fake-core.ts';

/** Of the test file that calls it. */
export function useVirtualTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      now: 0,
      toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export function loopWorld(more: Partial<LoopOptions> = {}, owned: Partial<LoopOwner> = {}) {
  const core = new FakeCore();
  const clock = { skewMs: 0, now: () => ({ mono: Date.now() + clock.skewMs, wall: Date.now() }) };
  const performed: Effect[][] = [];
  const rooms: number[] = [];
  const fatal: unknown[] = [];
  const overflows: number[] = [];
  const loop = new Loop({
    core,
    clock: clock.now,
    agenda: systemAgenda,
    owner: {
      perform: (effects) => void performed.push([...effects]),
      fatal: (error) => void fatal.push(error),
      room: () => void rooms.push(loop.depth),
      pulse: () => undefined,
      overflow: ({ pendingRecords }) => void overflows.push(pendingRecords),
      ...owned,
    },
    ...more,
  });
  return { core, loop, clock, performed, rooms, fatal, overflows };
}

export const turn = () => vi.advanceTimersByTimeAsync(0);
