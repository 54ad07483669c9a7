/** `npm run fuzz -- --messages 10000000 --seed 1`: the fuzzer of the tests, for longer. It ends at the first violation. */
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz } from './fuzz-run.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '10000000' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});

if (values.help) {
  console.log('npm run fuzz -- [--messages 10000000] [--seed N]   N: where its random messages begin; printed first');
} else {
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const messages = Number(values.messages);
  console.log(`seed ${seed}, ${messages} messages`);
  const report = await fuzz({ messages, seed, batch: 2_000, onBatch: tell(messages) });
  for (const [code, count] of [...report.codes].sort(([, a], [, b]) => b - a))
    console.log(`${code.padEnd(24)} ${count}`);
  for (const violation of report.violations) console.log(`VIOLATION ${violation}`);
  process.exit(report.violations.length === 0 ? 0 : 1);
}

function tell(messages: number): (report: FuzzReport) => void {
  const every = Math.max(2_000, Math.floor(messages / 50));
  let next = every;
  return (report) => {
    if (report.messages < next && report.messages < messages) return;
    next += every;
    const [warm, now] = report.heapBytes.map((bytes) => Math.round(bytes / 1024 / 1024));
    console.log(
      `${report.messages} messages, healthy client ${report.clientMs.toFixed(0)} ms, healthy agent ${report.agentMs.toFixed(0)} ms at worst, heap ${warm} MB, now ${now} MB`,
    );
  };
}
