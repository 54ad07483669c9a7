/** `npm run histories -- [count] [seed]`: many histories, each checked. Prints each, and the calls of one that can't be explained. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplicatedCluster } from '../replication/replicated-cluster.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { check, provideChecker } from './checker.ts';
import { History } from './history.ts';

const [count = 200, firstSeed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);
const checker = provideChecker();
const missing = 'missing' in checker ? checker.missing : etcdMissing();
if (missing !== undefined || 'missing' in checker) {
  process.stderr.write(`no histories: ${missing}\n`);
  process.exit(77);
}
const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3']);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cluster.stop().finally(() => process.exit(1)));
}
let anomalies = 0;
let calls = 0;
try {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const history = new History(cluster, seed);
    await history.run();
    const { linearizable, words } = check(checker.path, history.calls);
    calls += history.calls.length;
    process.stdout.write(`seed ${seed}: ${words}, through ${history.faults.length} faults\n`);
    if (linearizable) continue;
    anomalies += 1;
    const file = join(tmpdir(), `locum-history-${seed}.json`);
    writeFileSync(file, JSON.stringify(history.calls, undefined, 1));
    process.stdout.write(`  its calls: ${file}; faults: ${history.faults.join(', ')}\n`);
  }
} finally {
  await cluster.stop();
}
process.stdout.write(`${count} histories of ${calls} calls: ${anomalies} anomalies\n`);
process.exit(anomalies === 0 ? 0 : 1);
