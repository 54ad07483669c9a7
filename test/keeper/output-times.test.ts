/** When output was read from its program: marks beside the segments, and reading from a time on. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputLog } from '../../keeper/output/output-log.ts';
import { readOutput, sizeOfOutput } from '../../keeper/output/output-reader.ts';
import { readTimes, TimeIndex } from '../../keeper/output/time-index.ts';
import { DiskLane } from '../../shared/disk-lane.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-times-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes each text at its time. */
async function writeAt(chunks: readonly (readonly [wall: number, text: string])[], segmentBytes = 1_000, segments = 8) {
  const walls = chunks.map(([wall]) => wall);
  const reader = new PassThrough({ objectMode: true });
  const log = new OutputLog({
    ...{ directory: folder, limits: { segmentBytes, segments }, lane: new DiskLane('output', 5_000), reader },
    suspect: () => undefined,
    now: () => walls.shift() ?? Number.NaN,
  });
  for (const [, text] of chunks) reader.write(Buffer.from(text));
  reader.end();
  await log.done;
}

async function readFrom(query: { offset?: number; limit?: number; sinceWall?: number }) {
  const slice = await readOutput(folder, { offset: 0, limit: 0, ...query });
  return slice && { offset: slice.offset, text: Buffer.from(slice.data).toString(), times: slice.times };
}

describe('the times of output', () => {
  it('come with what is read, the first one for its beginning', async () => {
    await writeAt([
      [1_000, 'one\n'],
      [2_000, 'two\n'],
      [3_000, 'three\n'],
    ]);
    expect(await readFrom({})).toEqual({
      ...{ offset: 0, text: 'one\ntwo\nthree\n' },
      times: [
        { offset: 0, wall: 1_000 },
        { offset: 4, wall: 2_000 },
        { offset: 8, wall: 3_000 },
      ],
    });
    expect(await readFrom({ offset: 5, limit: 2 })).toEqual({
      ...{ offset: 5, text: 'wo' },
      times: [{ offset: 5, wall: 2_000 }],
    });
  });

  it('are not in the text, and go with their segment', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => [i * 1_000, `line ${String(i).padStart(2, '0')}\n`] as const);
    await writeAt(lines, 16, 3);
    const names = readdirSync(folder).sort();
    expect(names).toEqual(names.filter((name) => /^\d{16}\.(log|times)$/.test(name)));
    expect(names).toHaveLength(6);
    expect(await readFrom({})).toMatchObject({ offset: 112, times: [{ offset: 112, wall: 14_000 }, { offset: 120 }] });
    const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(await sizeOfOutput(folder)).toBe(bytes);
  });

  it.each([
    [0, 'one\ntwo\nthree\n'],
    [1_001, 'two\nthree\n'],
    [2_000, 'two\nthree\n'],
    [2_500, 'three\n'],
    [9_000, ''],
  ])('decide where reading begins: from %d on', async (sinceWall, text) => {
    await writeAt([
      [1_000, 'one\n'],
      [2_000, 'two\n'],
      [3_000, 'three\n'],
    ]);
    expect(await readFrom({ sinceWall })).toMatchObject({ text });
  });

  it('decide it across segments, and an offset behind it counts more', async () => {
    const lines = Array.from({ length: 10 }, (_, i) => [i * 1_000, `line ${i}\n`] as const);
    await writeAt(lines, 14);
    expect(await readFrom({ sinceWall: 7_000 })).toMatchObject({ offset: 49, text: 'line 7\n' });
    expect(await readFrom({ sinceWall: 7_000, offset: 63 })).toMatchObject({ offset: 63, text: 'line 9\n' });
    expect(await readFrom({ sinceWall: 7_000, offset: -7 })).toMatchObject({ offset: 63, text: 'line 9\n' });
    expect(await readFrom({ sinceWall: 3_500 })).toMatchObject({ offset: 28, text: 'line 4\nline 5\n' });
  });

  it('leave out a line whose beginning is older', async () => {
    await writeAt([
      [1_000, 'begun and '],
      [5_000, 'ended later\nnew\n'],
    ]);
    expect(await readFrom({ sinceWall: 4_000 })).toMatchObject({ text: 'new\n' });
  });

  it('that are not known count as later: nothing is left out by a guess', async () => {
    await writeAt([[1_000, 'one\n']]);
    rmSync(join(folder, '0000000000000000.times'));
    expect(await readFrom({ sinceWall: 9_000 })).toEqual({ offset: 0, text: 'one\n', times: [] });
  });

  it('are many at most in one answer, which then ends earlier and goes on where it ended', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => [i * 100, `${'x'.repeat(39)}\n`] as const);
    await writeAt(lines, 1_000_000);
    const first = await readOutput(folder, { offset: 0, limit: 1_000_000 });
    expect(first?.times).toHaveLength(2_048);
    expect(first?.data).toHaveLength(2_048 * 40);
    expect((await readFrom({ offset: 2_048 * 40, limit: 40 }))?.times).toEqual([{ offset: 81_920, wall: 204_800 }]);
  });
});

describe('the index of a segment', () => {
  it('is bounded: with more marks than it has room for, every second one goes', async () => {
    const path = join(folder, 'x.times');
    const index = new TimeIndex(path, 32 * 100);
    for (let i = 0; i < 1_000; i += 1) await index.note({ offset: i, wall: i * 1_000 });
    await index.close();
    const marks = await readTimes(path);
    expect(marks.length).toBeLessThanOrEqual(100);
    expect(marks.length).toBeGreaterThan(40);
    expect(marks[0]).toEqual({ offset: 0, wall: 0 });
    expect(marks.at(-1)).toEqual({ offset: 999, wall: 999_000 });
    for (const { offset, wall } of marks) expect(wall).toBe(offset * 1_000);
  });

  it('has one mark for what comes within ten milliseconds, also where the clock is set back', async () => {
    const path = join(folder, 'x.times');
    const index = new TimeIndex(path, 10_000);
    for (const [offset, wall] of [
      [0, 1_000],
      [10, 1_009],
      [20, 1_010],
      [30, 500],
    ] as const)
      await index.note({ offset, wall });
    await index.close();
    expect((await readTimes(path)).map(({ offset }) => offset)).toEqual([0, 20, 30]);
  });

  it('that can not be written costs no output', async () => {
    writeFileSync(join(folder, 'file'), '');
    const index = new TimeIndex(join(folder, 'file', 'x.times'), 1_000);
    await index.note({ offset: 0, wall: 1 });
    await index.close();
    expect(await readTimes(join(folder, 'file', 'x.times'))).toEqual([]);
  });
});
