import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { DescriptorOutput } from '../../shared/log-output.ts';

const file = join(tmpdir(), `locum-log-output-${process.pid}`);
afterEach(() => rmSync(file, { force: true }));

it('lines come in the order in which they were said', async () => {
  const output = new DescriptorOutput(openSync(file, 'w'));
  for (let i = 0; i < 100; i += 1) output.write(`${i}\n`);
  const all = Array.from({ length: 100 }, (_, i) => `${i}\n`).join('');
  await expect.poll(() => readFileSync(file, 'utf8')).toBe(all);
});

it('saying something to a full device neither throws nor waits, and what was lost is counted when it is taken again', async () => {
  const fd = openSync('/dev/full', 'w');
  const output = new DescriptorOutput(fd);
  output.write('first\n');
  output.write('second\n');
  await expect.poll(() => output.dropped).toBe(2);
  // The same descriptor, as after room was made.
  closeSync(fd);
  expect(openSync(file, 'w')).toBe(fd);
  output.write('third\n');
  await expect.poll(() => readFileSync(file, 'utf8')).toMatch(/^third\n\{.*"2 lines of the log were lost".*\}\n$/);
});

it('a reader that takes nothing costs a bounded memory', () => {
  const output = new DescriptorOutput(openSync('/dev/full', 'w'));
  for (let i = 0; i < 3_000; i += 1) output.write(`${'x'.repeat(1_000)}\n`);
  expect(output.dropped).toBeGreaterThan(1_500);
});
