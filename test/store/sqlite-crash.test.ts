/** Real processes: kill -9 in the middle of commits, and two processes on one file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { openForTest, testFolder } from './sqlite-folder.ts';
import { elect, put } from './store-world.ts';

/** Starts a process that opens the store, says `open`, then commits in a loop and says each number once acknowledged. */
function startWriter(file: string): { child: ChildProcess; lines: AsyncIterable<string> } {
  const script = join(import.meta.dirname, 'sqlite-writer.ts');
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, lines: createInterface({ input: child.stdout }) };
}

test('kill -9 at any moment loses no acknowledged commit, tears none, and frees the file', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const rounds = 5;
  let first = 1;
  for (let round = 0; round < rounds; round += 1) {
    const { child, lines } = startWriter(file);
    let acknowledged = first - 1;
    for await (const line of lines) {
      if (line !== 'open') acknowledged = Number(line);
      if (acknowledged === first + 40 * (round + 1) && !child.killed) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');

    const store = await openForTest(file);
    const { records } = await store.load();
    const numbers = records.filter((r) => r.key.startsWith('n/')).map((r) => Number(r.key.slice(2)));
    expect(acknowledged).toBeGreaterThan(first);
    // Without a gap, from the first to at least the last acknowledged: a later one may have been made and not heard of.
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged);
    expect(String(Buffer.from(records.find((r) => r.key === 'last')?.value ?? []))).toBe(`${numbers.length}`);
    first = numbers.length + 1;
    await store.close();
  }
});

test('a second process is refused by name of the file and of the process that holds it', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const { child, lines } = startWriter(file);
  for await (const line of lines) {
    if (line !== 'open') break;
  }
  await expect(openForTest(file)).rejects.toMatchObject({
    name: 'StoreError',
    reason: 'LOCKED',
    message: expect.stringContaining(`${file} is in use by process ${child.pid}`),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const leader = await elect(await openForTest(file));
  await leader.commit(put('mine', 'now'));
});

test('of several processes that create the same store at once, one has it and the others are refused', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const writers = [1, 2, 3].map(() => startWriter(file));
  const first = await Promise.all(
    writers.map(async ({ lines }) => {
      for await (const line of lines) return line;
      return 'nothing';
    }),
  );
  expect(first.sort()).toEqual(['open', 'refused LOCKED', 'refused LOCKED']);
});

test('a store opened twice in one process is refused the second time, and the first keeps its lock', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const leader = await elect(await openForTest(file));
  await expect(openForTest(file)).rejects.toMatchObject({ reason: 'LOCKED' });
  const { lines } = startWriter(file);
  for await (const line of lines) expect(line).toBe('refused LOCKED');
  await leader.commit(put('a', '1'));
});

test('a failed write of the log ends the store: nothing is called committed that might be lost', async () => {
  const file = join(testFolder(), 'store.sqlite');
  // A limit on the size of files makes writes fail as a broken disk would; the signal that comes with it is ignored.
  const limited = ['-c', 'trap "" XFSZ; ulimit -f 400; exec "$0" "$@"', process.execPath];
  const script = join(import.meta.dirname, 'sqlite-writer.ts');
  const child = spawn('/bin/sh', [...limited, script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const acknowledged = lines.filter((line) => /^\d+$/.test(line)).map(Number);
  expect(acknowledged.length).toBeGreaterThan(10);
  expect(lines[acknowledged.length + 1]).toMatch(/^\d+ unknown: Writing .*store\.sqlite failed \(disk I\/O error\)/);

  const { records } = await (await openForTest(file)).load();
  const numbers = records.filter((r) => r.key.startsWith('n/')).map((r) => Number(r.key.slice(2)));
  expect(numbers.slice(0, acknowledged.length)).toEqual(acknowledged);
});
