import { expect, it } from 'vitest';
import { playAll } from './crew.ts';
import { pieces } from './tally.ts';

const SEEDS = 60;

it('once a step is settled, a look at everything finds nothing left to do: the table of dependants forgets nobody', async () => {
  const found: string[] = [];
  let played = 0;
  await playAll({
    tasks: pieces({ mutant: 'second-look', from: 1, seeds: SEEDS }, 20),
    // In threads of their own: here modules are loaded by the test runner, which knows no watched ones.
    jobs: 2,
    onTally: ({ red, failure, starts }) => {
      if (failure !== undefined) found.push(failure);
      found.push(
        ...red.map(({ seed, violations }) => `seed ${seed}: ${violations.map(({ message }) => message).join('; ')}`),
      );
      played += starts;
      return true;
    },
  });
  expect(found).toEqual([]);
  expect(played).toBeGreaterThan(0);
}, 900_000);
