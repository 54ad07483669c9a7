/**
 * `npm run sim -- --seeds N --from S`: plays seeds and says what it found. `--seed S --trace` tells the whole story of one;
 * `--mutants [RULE …]` removes rules and counts in how many seeds that is noticed. See docs/simulation.md.
 */
import { checkNames, parseUsage, refuse, wholeNumber } from '../../scripts/usage.ts';
import { playAll } from './crew.ts';
import { loadMutant, play } from './mutation/loader.ts';
import { MUTANTS } from './mutation/mutants.ts';
import { lineOf, mutantsNamed, TABLE_HEAD } from './mutation/table.ts';
import { runSeed, type SeedResult } from './run.ts';
import { pieces, type Tally } from './tally.ts';

const USAGE = `
npm run sim -- [options]: plays seeded worlds of faults, and says what it found (docs/simulation.md)
  --seeds N            how many seeds (100; with --mutants 300)
  --from S             the first one (1)
  --jobs N             threads that play side by side (1)
  --keep               go on after a red seed, and show no story
  --lines N            lines shown of a red seed (150)
  --seed S [--trace]   one seed; --trace: its whole story
  --mutants [RULE …]   without each rule in turn, or without those named: in how many seeds that is noticed`;

const { values, positionals } = parseUsage(USAGE, {
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** Threads that play side by side. */
    jobs: { type: 'string', default: '1' },
    /** The whole story of one seed. */
    trace: { type: 'boolean', default: false },
    /** Lines shown of a red seed. */
    lines: { type: 'string', default: '150' },
    /** Go on after a red seed, and show no story. */
    keep: { type: 'boolean', default: false },
    /** Without a rule, or without each one named behind it in turn. With --seed and --trace: the story of that world. */
    mutants: { type: 'boolean', default: false },
  },
});

const PIECE = 50;
const TELL_EVERY = 1_000;
const jobs = wholeNumber(values.jobs, '--jobs', 1);
const from = wholeNumber(values.seed ?? values.from, values.seed === undefined ? '--from' : '--seed', 0);
const seeds = values.seeds === undefined ? undefined : wholeNumber(values.seeds, '--seeds', 1);
if (!values.mutants && positionals.length > 0) refuse(`unknown: ${positionals.join(' ')}`);
const ids = MUTANTS.map(({ id }) => id);
checkNames(positionals, (name) => mutantsNamed([name]).length > 0, ids);

if (values.trace) process.exitCode = await tellStory();
else if (values.mutants) await tryMutants(seeds ?? 300);
else process.exitCode = await playSeeds(values.seed === undefined ? (seeds ?? 100) : 1);

async function tellStory(): Promise<number> {
  const [mutant] = positionals;
  const world = values.mutants && mutant !== undefined ? await loadMutant(mutant) : { runSeed };
  const result = play(world, from, { traceLines: Number.MAX_SAFE_INTEGER });
  console.log(result.trace);
  tellRed(result);
  return result.violations.length === 0 ? 0 : 1;
}

async function playSeeds(count: number): Promise<number> {
  console.log(`seeds ${from} to ${from + count - 1}`);
  const began = process.cpuUsage();
  const tallies: Tally[] = [];
  const size = Math.min(PIECE, Math.ceil(count / jobs));
  await playAll({
    tasks: pieces({ mutant: undefined, from, seeds: count }, size),
    jobs,
    onTally: (tally) => {
      const before = playedOf(tallies);
      tallies.push(tally);
      for (const result of tally.red) tellRed(result);
      const now = playedOf(tallies);
      if (Math.floor(before / TELL_EVERY) < Math.floor(now / TELL_EVERY)) console.log(`… ${now} played`);
      return values.keep || tally.red.length === 0;
    },
  });
  const red = tallies.flatMap((tally) => tally.red);
  if (red[0] !== undefined && !values.keep) tellLast(red[0].seed);
  sumUp(tallies, began, red.length);
  return red.length === 0 ? 0 : 1;
}

function playedOf(tallies: readonly Tally[]): number {
  return tallies.reduce((sum, { task }) => sum + task.seeds, 0);
}

function sumUp(tallies: readonly Tally[], began: NodeJS.CpuUsage, red: number): void {
  const hours = tallies.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  const starts = tallies.reduce((sum, one) => sum + one.starts, 0);
  const { user, system } = process.cpuUsage(began);
  const perMinute = (hours / (user + system)) * 60e6;
  console.log(
    `${playedOf(tallies)} seeds, ${red} red, ${starts} starts of processes, ${hours.toFixed(1)} simulated hours, ${perMinute.toFixed(0)} per minute of one core`,
  );
}

function tellRed({ seed, violations }: Pick<SeedResult, 'seed' | 'violations'>): void {
  for (const { invariant, message, at } of violations) {
    console.log(`seed ${seed}: ${invariant} at ${(at / 1000).toFixed(3)} s: ${message}`);
  }
}

/** The same seed tells the same story: it is played once more, this time with somebody listening. */
function tellLast(seed: number): void {
  console.log(play({ runSeed }, seed, { traceLines: Number(values.lines) }).trace);
  console.log(`the whole story: npm run sim -- --seed ${seed} --trace`);
}

async function tryMutants(count: number): Promise<void> {
  console.log(`${count} seeds from ${from}\n\n${TABLE_HEAD}`);
  const mutants = mutantsNamed(positionals);
  const found = new Map(mutants.map(({ id }): [string, Tally[]] => [id, []]));
  await playAll({
    tasks: mutants.flatMap(({ id }) =>
      pieces({ mutant: id, from, seeds: count }, Math.max(PIECE, Math.ceil(count / 12))),
    ),
    jobs,
    onTally: (tally) => {
      const mutant = mutants.find(({ id }) => id === tally.task.mutant);
      const tallies = found.get(tally.task.mutant ?? '') ?? [];
      tallies.push(tally);
      if (mutant !== undefined && playedOf(tallies) >= count) console.log(lineOf(mutant, tallies));
      return true;
    },
  });
}
