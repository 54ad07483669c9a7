/** The simulation at its per-change size: all rules hold in every seed, and each rule that is removed is missed. See docs/simulation.md. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { playAll } from './crew.ts';
import { MUTANTS } from './mutation/mutants.ts';
import { runSeed } from './run.ts';
import { pieces, type Tally } from './tally.ts';

const SEEDS = 2_000;
/** Seeds beyond these that were red once, as the plans were then. */
const ONCE_RED = [2_106, 2_579, 7_072, 8_375, 9_377, 14_557, 19_610];
const LIMIT_MS = 900_000;
const jobs = Math.min(2, availableParallelism());

const tell = ({ red }: Tally): readonly string[] =>
  red.map(({ seed, violations }) => {
    const found = violations.map(({ invariant, message }) => `${invariant}: ${message}`).join('; ');
    return `${found} (npm run sim -- --seed ${seed} --trace)`;
  });

describe('the simulation', () => {
  it(
    `finds nothing broken in seeds 1 to ${SEEDS}`,
    async () => {
      console.log(`simulation: seeds 1 to ${SEEDS}`);
      const red: string[] = [];
      const more = ONCE_RED.map((seed) => ({ mutant: undefined, from: seed, seeds: 1 }));
      await playAll({
        tasks: [...pieces({ mutant: undefined, from: 1, seeds: SEEDS }, 50), ...more],
        jobs,
        onTally: (tally) => {
          red.push(...tell(tally));
          return red.length < 5;
        },
      });
      expect(red).toEqual([]);
    },
    LIMIT_MS,
  );

  it('tells the same story of a seed each time, whether somebody listens or not', () => {
    const story = runSeed(7, { traceLines: 1_000_000 });
    expect(runSeed(7, { traceLines: 1_000_000 }).trace).toBe(story.trace);
    expect(runSeed(7)).toMatchObject({ steps: story.steps, simulatedMs: story.simulatedMs });
  });

  it(
    'misses every rule that is removed',
    async () => {
      const problems: string[] = [];
      const caught = new Set<string | undefined>();
      await playAll({
        tasks: MUTANTS.flatMap(({ id, caughtBy, caughtIn = [] }) => [
          ...caughtBy.map((from) => ({ mutant: id, from, seeds: 1 })),
          ...caughtIn.map((transcript) => ({ mutant: id, from: 0, seeds: 0, transcript })),
        ]),
        jobs,
        onTally: ({ task, red, failure }) => {
          if (failure !== undefined) problems.push(failure);
          if (red.length > 0) caught.add(task.mutant);
          return true;
        },
      });
      expect(problems).toEqual([]);
      // If one stands here after a change of plans: npm run sim -- --mutants RULE --seeds 500, and record what it names.
      expect(MUTANTS.filter(({ id }) => !caught.has(id)).map(({ id }) => id)).toEqual([]);
    },
    LIMIT_MS,
  );
});
