/**
 * Plays every transcript of this folder and compares exactly. UPDATE=1 in the environment writes what happens now into the
 * files: read the difference before it is kept.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { play } from './transcript.ts';

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('scenarios', () => {
  test.each(files)('%s', (name) => {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    const played = play(text);
    const update = process.env['UPDATE'] === '1';
    if (update) writeFileSync(path, played);
    expect(firstDifference(played, update ? played : text)).toBeUndefined();
  });

  test('each says which promise it shows', () => {
    const silent = files.filter((name) => !readFileSync(join(folder, name), 'utf8').startsWith('# '));
    expect(silent).toEqual([]);
  });
});

/** The first lines that differ, with what stands around them: a whole-text difference of a long transcript takes minutes to compute. */
function firstDifference(played: string, text: string): { readonly now: string; readonly file: string } | undefined {
  if (played === text) return undefined;
  const [now, file] = [played.split('\n'), text.split('\n')];
  const at = now.findIndex((line, index) => line !== file[index]);
  const from = Math.max(0, (at < 0 ? now.length : at) - 3);
  const show = (lines: readonly string[]): string => lines.slice(from, from + 10).join('\n');
  return { now: show(now), file: show(file) };
}
