/**
 * `npm run sim -- --seeds N --from S`: plays seeds and says what it found. `--seed S --trace` tells the whole story of one;
 * `--mutants [RULE …]` removes rules and counts in how many seeds that is noticed. See docs/simulation.md.
 */
import { parseArgs } from 'node:util';
import { lineOf, mutantsNamed, TABLE_HEAD, tryMutant } from './mutation/table.ts';
import { runSeed, type SeedResult } from './run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** The whole story. */
    trace: { type: 'boolean', default: false },
    /** Lines shown of a red seed. */
    lines: { type: 'string', default: '150' },
    /** Go on after a red seed, and show no story. */
    keep: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
});

const from = Number(values.seed ?? values.from);
if (values.mutants) await tryMutants(Number(values.seeds ?? 300));
else process.exitCode = playSeeds(values.seed === undefined ? Number(values.seeds ?? 100) : 1);

function playSeeds(count: number): number {
  console.log(`seeds ${from} to ${from + count - 1}`);
  const began = process.cpuUsage();
  const played: SeedResult[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const result = runSeed(seed, values.trace ? { traceLines: Number.MAX_SAFE_INTEGER } : {});
    played.push({ ...result, trace: '' });
    if (values.trace) console.log(result.trace);
    if (result.violations.length === 0) continue;
    tellRed(result);
    if (!values.keep) break;
  }
  const red = played.filter(({ violations }) => violations.length > 0).length;
  const hours = played.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000;
  const starts = played.reduce((sum, one) => sum + one.starts, 0);
  const { user, system } = process.cpuUsage(began);
  const minutes = (user + system) / 60e6;
  console.log(
    `${played.length} seeds, ${red} red, ${starts} starts of processes, ${hours.toFixed(1)} simulated hours, ${(hours / minutes).toFixed(0)} per minute of one core`,
  );
  return red === 0 ? 0 : 1;
}

function tellRed({ seed, violations }: SeedResult): void {
  for (const { invariant, message, at } of violations) {
    console.log(`seed ${seed}: ${invariant} at ${(at / 1000).toFixed(3)} s: ${message}`);
  }
  if (values.keep || values.trace) return;
  // The same seed tells the same story: it is played once more, this time with somebody listening.
  console.log(runSeed(seed, { traceLines: Number(values.lines) }).trace);
  console.log(`the whole story: npm run sim -- --seed ${seed} --trace`);
}

async function tryMutants(seeds: number): Promise<void> {
  console.log(`${seeds} seeds from ${from}\n\n${TABLE_HEAD}`);
  for (const mutant of mutantsNamed(positionals)) console.log(lineOf(await tryMutant(mutant, { from, seeds })));
}
