// Writes to a database that refuses older epochs: LOCUM_EPOCH=7 node sql.mjs FILE BALANCE
// SQLite here; the same UPDATE works in any SQL database. `fence` is the highest epoch that has written this row.
import { DatabaseSync } from 'node:sqlite';

const [file, balance] = process.argv.slice(2);
const epoch = Number(process.env.LOCUM_EPOCH);
if (!(Number.isSafeInteger(epoch) && epoch > 0)) throw new Error('LOCUM_EPOCH is no positive integer');

const db = new DatabaseSync(file, { timeout: 5000 });
db.exec('CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL, fence INTEGER NOT NULL)');
db.exec("INSERT OR IGNORE INTO accounts VALUES ('main', 0, 0)");

// The comparison and the write are one statement: nothing can come between them.
const update = db.prepare(
  "UPDATE accounts SET balance = :balance, fence = :epoch WHERE id = 'main' AND fence <= :epoch",
);
const { changes } = update.run({ balance: Number(balance), epoch });
if (changes === 0) {
  console.error(`epoch ${epoch} is fenced off: a later attempt has written`);
  process.exit(1);
}
console.log(`balance is ${balance}, written by epoch ${epoch}`);
