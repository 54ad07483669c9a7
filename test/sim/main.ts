/** `npm run sim`: plays seeds and says what it found. */
import { parseArgs } from 'node:util';
import { runSeed } from './run.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    lines: { type: 'string', default: '150' },
    keep: { type: 'boolean', default: false },
  },
});

const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const began = performance.now();
let simulatedMs = 0;
let starts = 0;
let red = 0;
console.log(`seeds ${from} to ${from + count - 1}`);
for (let seed = from; seed < from + count; seed += 1) {
  const result = runSeed(seed, values.trace ? { traceLines: 1_000_000 } : {});
  if (values.trace) console.log(result.trace);
  simulatedMs += result.simulatedMs;
  starts += result.starts;
  if (result.violations.length === 0) continue;
  red += 1;
  for (const { invariant, message, at } of result.violations)
    console.log(`seed ${seed}: ${invariant} at ${(at / 1000).toFixed(3)} s: ${message}`);
  if (!values.keep && !values.trace) {
    console.log(runSeed(seed, { traceLines: Number(values.lines) }).trace);
    break;
  }
}
const minutes = (performance.now() - began) / 60_000;
const hours = simulatedMs / 3_600_000;
console.log(
  `${count} seeds, ${red} red, ${starts} starts, ${hours.toFixed(1)} simulated hours, ${(hours / minutes).toFixed(0)} per minute`,
);
