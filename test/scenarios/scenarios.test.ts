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
    if (process.env['UPDATE'] === '1') writeFileSync(path, played);
    else expect(played).toBe(text);
  });

  test('each says which promise it shows', () => {
    const silent = files.filter((name) => !readFileSync(join(folder, name), 'utf8').startsWith('# '));
    expect(silent).toEqual([]);
  });
});
