/**
 * `npm run fuzz -- --messages 10000000 --seed 1`: the fuzzer of the tests, for longer, in a process for each core. It ends at the first
 * violation.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz } from './fuzz-run.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000000' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean' },
  },
});

const USAGE = `npm run fuzz -- [--messages 10000000] [--seed N] [--jobs ${availableParallelism()}]
  N: where the random messages of the first job begin, those of the others at N + 1 and so on; printed first. Default: anywhere`;

if (values.help) {
  console.log(USAGE);
} else {
  const [messages, jobs] = [Number(values.messages), Number(values.jobs)];
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (![messages, jobs, seed].every((number) => Number.isSafeInteger(number) && number >= 0) || jobs < 1) {
    console.error(USAGE);
    process.exit(1);
  }
  const isFine = jobs === 1 ? await runHere(messages, seed) : await runMany(messages, seed, jobs);
  process.exit(isFine ? 0 : 1);
}

/** A job that found something ends the others: they would only push it off the screen. */
async function runMany(messages: number, seed: number, jobs: number): Promise<boolean> {
  const share = Math.ceil(messages / jobs);
  const children: ChildProcess[] = [];
  const exits = Array.from({ length: jobs }, async (_, i) => {
    const args = ['--messages', String(share), '--seed', String(seed + i), '--jobs', '1'];
    const child = fork(import.meta.filename, args);
    children.push(child);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) for (const other of children) other.kill();
    return code === 0;
  });
  return (await Promise.all(exits)).every((isFine) => isFine);
}

async function runHere(messages: number, seed: number): Promise<boolean> {
  console.log(`seed ${seed}: ${messages} messages`);
  const began = performance.now();
  const report = await fuzz({ messages, seed, batch: 5_000, onBatch: tell(messages, seed) });
  const counted = [...report.codes].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`);
  console.log(`seed ${seed}: answers: ${counted.join(', ')}`);
  const perSecond = report.messages / ((performance.now() - began) / 1_000);
  console.log(
    `seed ${seed}: ${report.messages} messages, ${perSecond.toFixed(0)} a second, ${report.violations.length} violations, ${report.starved.length} times starved`,
  );
  for (const late of report.starved) console.log(`seed ${seed}: no violation, this process was not let run: ${late}`);
  for (const violation of report.violations) console.log(`VIOLATION seed ${seed}: ${violation}`);
  return report.violations.length === 0;
}

function tell(messages: number, seed: number): (report: FuzzReport) => void {
  const every = Math.max(5_000, Math.floor(messages / 50));
  let next = every;
  return (report) => {
    if (report.messages < next && report.messages < messages) return;
    next += every;
    const [warm, now] = report.heapBytes.map((bytes) => Math.round(bytes / 1024 / 1024));
    const { clientMs, agentMs } = report;
    console.log(
      `seed ${seed}: ${report.messages} messages, healthy client ${clientMs.toFixed(0)} ms, healthy agent ${agentMs.toFixed(0)} ms at worst, heap ${warm} MB, now ${now} MB`,
    );
  };
}
