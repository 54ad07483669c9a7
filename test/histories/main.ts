/**
 * `npm run histories -- --histories N --seed S`: plays histories on real clusters under faults, and has each one judged by an
 * independent checker. Exits with 1 when one is not linearizable, with 77 when this machine can't do it. See docs/replication.md.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Prng } from '../../shared/prng.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { provideChecker, verdictOf } from './checker.ts';
import { HistoryStage } from './play.ts';

const CANNOT = 77;
/** One in so many is of a single controller with its SQLite file. */
const SQLITE_EVERY = 4;

const HELP = `Usage: npm run histories -- [--histories N] [--seed S]

Plays N histories (default 20) of creates, updates, deletes, starts and stops, on three controllers with etcd and on one with
SQLite, while something is killed or paused, and checks each for linearizability.`;

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
});

async function playAll(checker: string, count: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`);
  const prng = new Prng(seed);
  const stages = [await HistoryStage.open('etcd'), await HistoryStage.open('sqlite')] as const;
  const counts = { operations: 0, unknown: 0, anomalies: 0 };
  try {
    for (let i = 1; i <= count; i += 1) {
      const stage = i % SQLITE_EVERY === 0 ? stages[1] : stages[0];
      const { fault, operations, oddities } = await stage.play(prng.fork());
      const verdict = verdictOf(checker, operations);
      counts.operations += operations.length;
      counts.unknown += operations.filter(({ status }) => status === 'UNKNOWN').length;
      console.log(`${i} ${stage.store}, ${fault}: ${operations.length} operations, ${verdict}`);
      for (const oddity of oddities) console.log(`  ${oddity}`);
      if (verdict === 'ok' && oddities.length === 0) continue;
      counts.anomalies += 1;
      writeFileSync(`history-${seed}-${i}.log`, JSON.stringify(operations));
    }
  } finally {
    for (const stage of stages) await stage.close();
  }
  const { operations, unknown, anomalies } = counts;
  console.log(`${count} histories, ${operations} operations (${unknown} without an answer), ${anomalies} anomalies`);
  return anomalies === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const checker = provideChecker();
  const missing = etcdMissing() ?? ('missing' in checker ? checker.missing : undefined);
  if (missing !== undefined || 'missing' in checker) {
    console.log(`skipped: ${missing}`);
    return CANNOT;
  }
  return playAll(checker.path, Number(values.histories), Number(values.seed));
}

process.exitCode = await main();
