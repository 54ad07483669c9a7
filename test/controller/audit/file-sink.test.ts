import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSink } from '../../../controller/audit/file-sink.ts';
import { auditLine } from '../../../shared/codec/audit.ts';
import { chainOf } from './entries.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-audit-'));
  file = join(folder, 'audit.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sink = (): FileSink => new FileSink(file, 'c-1');
const numbersIn = (path: string): number[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => Number(JSON.parse(line).number));

describe('the file of the audit', () => {
  it('has an entry in a line, for its owner alone, and says where it ends', async () => {
    const first = sink();
    expect(await first.begin()).toEqual({ CHANGES: 0, ACCESS: 0 });
    await first.write(chainOf(3));
    await first.write(chainOf(2, 'ACCESS'));
    expect(numbersIn(file)).toEqual([1, 2, 3, 1, 2]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await sink().begin()).toEqual({ CHANGES: 3, ACCESS: 2 });
  });

  it('goes on by what is in it when its position was not written any more', async () => {
    await sink().write(chainOf(3));
    rmSync(`${file}.position`);
    expect(await sink().begin()).toEqual({ CHANGES: 3, ACCESS: 0 });
  });

  it('goes on by its position when it was rotated, in a new file', async () => {
    const running = sink();
    await running.begin();
    await running.write(chainOf(3));
    renameSync(file, `${file}.1`);
    await running.write(chainOf(5).slice(3));
    expect(numbersIn(file)).toEqual([4, 5]);
    renameSync(file, `${file}.2`);
    expect(await sink().begin()).toEqual({ CHANGES: 5, ACCESS: 0 });
    expect(existsSync(file)).toBe(false);
  });

  it('loses what a crash left half of a line, and writes that entry again', async () => {
    await sink().write(chainOf(2));
    const whole = readFileSync(file);
    const third = chainOf(3).slice(2).map(auditLine).join('');
    for (const half of ['{', third.slice(0, 40), third]) {
      appendFileSync(file, half);
      expect(await sink().begin()).toEqual({ CHANGES: 2, ACCESS: 0 });
      expect(readFileSync(file)).toEqual(whole);
    }
  });

  it('finds the end of a large file without reading all of it', async () => {
    const lines = chainOf(1).map((entry) => `${auditLine(entry)}\n`);
    const [line = ''] = lines;
    writeFileSync(file, line.repeat(Math.ceil((3 * 1024 * 1024) / line.length)));
    await sink().write(chainOf(9).slice(8));
    rmSync(`${file}.position`);
    expect(await sink().begin()).toEqual({ CHANGES: 9, ACCESS: 0 });
  });

  it('takes no file that is something else, and none of another cluster', async () => {
    writeFileSync(file, 'root:x:0:0\n');
    await expect(sink().begin()).rejects.toThrow(/no entries of the audit/);
    expect(readFileSync(file, 'utf8')).toBe('root:x:0:0\n');
    rmSync(file);
    await new FileSink(file, 'c-2').write(chainOf(1));
    await expect(sink().begin()).rejects.toThrow(/another cluster \(c-2\)/);
    writeFileSync(`${file}.position`, 'x');
    await expect(sink().begin()).rejects.toThrow(/damaged/);
  });
});
