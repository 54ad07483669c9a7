import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** The lines that end the run of one file of tests, from the first skip or failure on. */
function endOf(file: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'locum-reporter-'));
  try {
    writeFileSync(join(folder, 'some.test.js'), file);
    const reporters = ['default', join(root, 'test/plain-reporter.ts')].map((reporter) => `--reporter=${reporter}`);
    const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--globals', '--root', folder, ...reporters];
    const { stdout } = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    const lines = stdout.trimEnd().split('\n');
    return lines.slice(lines.findIndex((line) => /^(?:skipped|failed): |^\d+ passed, /.test(line)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('a run ends with why tests were skipped, what failed and how, and the counts', () => {
  const end = endOf(`
    it('passes', () => {});
    it('waits for Linux', (ctx) => ctx.skip('this is no Linux'));
    describe('a sum', () => {
      it('is right', () => expect({ sum: 1 + 1 }).toEqual({ sum: 3 }));
    });
    it('throws', () => { throw new TypeError('first line\\n\\nsecond line') });
    it('passes as well', () => void Promise.reject(new Error('nobody waits for it')));
  `);
  expect(end).toEqual([
    'skipped: some.test.js > waits for Linux: this is no Linux',
    'failed: some.test.js > a sum > is right',
    '    AssertionError: expected { sum: 2 } to deeply equal { sum: 3 }',
    '    at some.test.js:5:51',
    ...['- Expected', '+ Received', '  {', '-   "sum": 3,', '+   "sum": 2,', '  }'].map((line) => `    ${line}`),
    'failed: some.test.js > throws',
    '    TypeError: first line',
    '    second line',
    '    at some.test.js:7:32',
    'failed: outside any test',
    '    Error: nobody waits for it',
    '    at some.test.js:8:52',
    '2 passed, 3 failed, 1 skipped',
  ]);
});

it('of very many failures the later ones are told by their names', () => {
  const end = endOf(`it.each(Array.from({ length: 22 }, (_, n) => n))('%i', () => { throw new Error('why') });`);
  expect(end.slice(-6)).toEqual([
    'failed: some.test.js > 19',
    ...['    Error: why', expect.stringContaining('    at some.test.js:1:')],
    ...['failed: some.test.js > 20', 'failed: some.test.js > 21', '0 passed, 22 failed, 0 skipped'],
  ]);
});

it('a file that does not load is a failure', () => {
  const unloaded = endOf(`throw new Error('not today')`);
  expect(unloaded[0]).toBe('failed: some.test.js');
  expect(unloaded.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
});
