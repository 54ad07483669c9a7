/**
 * A process that makes a store and kills itself before its nth step: argv is the file, n, and the number of records. Every call by which
 * the file or its folder change is a step. Ends with code 0 when there was no nth step.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

const [file = '', killAt = '0', count = '0'] = process.argv.slice(2);
let step = 0;

function dieBefore(holder: object, name: string): void {
  const original: unknown = Reflect.get(holder, name);
  if (typeof original !== 'function') throw new Error(`${name} is no function`);
  Reflect.set(holder, name, function counted(this: unknown, ...args: readonly unknown[]): unknown {
    step += 1;
    if (step === Number(killAt)) process.kill(process.pid, 'SIGKILL');
    return Reflect.apply(original, this, args);
  });
}

for (const name of ['openSync', 'closeSync', 'fsyncSync', 'linkSync', 'rmSync']) dieBefore(fs, name);
for (const name of ['exec', 'close']) dieBefore(DatabaseSync.prototype, name);
dieBefore(StatementSync.prototype, 'run');
syncBuiltinESMExports();

const { createStore } = await import('../../controller/store/open.ts');
const records = Array.from({ length: Number(count) }, (_, n) => ({ key: `n/${n}`, value: Buffer.from(`value ${n}`) }));
step = 0;
await createStore(file, { identity: { clusterId: 'c-1', incarnation: 2 }, records });
