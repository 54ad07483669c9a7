/**
 * A child process of the crash tests: `node sqlite-writer.ts FILE`. Prints `open`, then commits in a loop and prints each number
 * once it is acknowledged; or prints `refused REASON`. Goes on where the last one was killed.
 */
import { openSqliteStore } from '../../controller/store/sqlite.ts';
import { StoreError } from '../../controller/store/store.ts';

const [, , file = ''] = process.argv;
const store = await openSqliteStore(file).catch((error: unknown) => {
  console.log(`refused ${error instanceof StoreError ? error.reason : String(error)}`);
  process.exit(1);
});
const { term } = await store.campaign(`pid ${process.pid}`, new AbortController().signal);
const { records } = await store.load();
console.log('open');

const made = records.filter((r) => r.key.startsWith('n/')).length;
let number = 0;

async function commitNext(): Promise<void> {
  number += 1;
  const n = made + number;
  const writes = [
    { kind: 'put', key: `n/${String(n).padStart(8, '0')}`, value: Buffer.alloc(n % 500, n) } as const,
    { kind: 'put', key: 'last', value: Buffer.from(`${n}`) } as const,
  ];
  const outcome = await store.commit({ term, number, writes });
  console.log(outcome.kind === 'committed' ? `${n}` : `${n} ${outcome.kind}: ${'detail' in outcome && outcome.detail}`);
  if (outcome.kind !== 'committed') process.exit(2);
}

for (;;) {
  // A few at a time: some of them share a transaction, and a kill can fall between any two.
  await Promise.all(Array.from({ length: 1 + (number % 3) }, commitNext));
}
