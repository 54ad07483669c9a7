/** The machine is no defendant: a lease that ended because a killed agent could not be back in time is skipped, with the reason. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { RunSchema, RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { timersOf } from '../fault-world.ts';
import { judgeAlone } from './sick-judge.ts';
import { newOutcome } from './sick-report.ts';
import { measureStartFloor } from './start-floor.ts';

const NOW_MS = 100_000;

/** A killed agent whose STOP run is dead, and now runs elsewhere. */
function judged(startFloorMs: number | undefined, kind: 'stop' | 'overlap' = 'stop') {
  const outcome = newOutcome('agent killed', 'alone');
  outcome.stopped.push(kind);
  const sickness = { name: 'agent killed', toll: 'none', refusesStarts: false, inflict: () => undefined } as const;
  const placed = new Map([[kind, { run: `s1-${kind}-1`, epoch: 3n }]]);
  const life = { epoch: 3n, pid: 77, startMs: 0, lastSignMs: NOW_MS - 30_000, saidStop: true };
  const world = { timers: timersOf(1), witness: { lives: () => [life] }, lag: { worstMs: 0 } };
  const runs = new Map([[`s1-${kind}`, create(RunSchema, { state: RunState.RUNNING })]]);
  const measured = startFloorMs === undefined ? {} : { startFloorMs };
  const patient = { outcome, placed, struckMs: 0, wasUnavailable: false, ...measured };
  judgeAlone(world, { ...patient, host: { name: 's1', sickness } }, runs, NOW_MS);
  return outcome;
}

describe('a lease that ended beside a killed agent', () => {
  it('is a failure where the machine starts an agent in time', () => {
    for (const floorMs of [undefined, 900]) {
      const { failures, skipped } = judged(floorMs);
      expect(failures).toEqual([expect.stringContaining('stop: its process ended')]);
      expect(skipped).toEqual([]);
    }
  });

  it('is skipped, with the figures, where the machine takes as long to start nothing', () => {
    const { failures, skipped } = judged(9_000);
    expect(failures).toEqual([]);
    expect(skipped).toEqual([expect.stringContaining('this machine took 9.0 s to load an agent that does nothing')]);
  });

  it('is no excuse for what no lease ends', () => {
    expect(judged(9_000, 'overlap').failures).toHaveLength(1);
  });
});

it('the floor is what this machine takes, also while nothing is sick', async () => {
  expect(await measureStartFloor()).toBeGreaterThan(20);
}, 70_000);
