/** The checker of histories: a Go program around porcupine, built once into the user's cache folder, outside the checkout. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation } from './history.ts';

const SOURCE = join(import.meta.dirname, 'checker');
const FILES = ['main.go', 'go.mod', 'go.sum'];
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'locum');

export type Verdict = 'ok' | 'illegal' | 'unknown';

/** Finds the built checker, or builds it. Answers with the reason where that can't be done. */
export function provideChecker(): { readonly path: string } | { readonly missing: string } {
  const hash = createHash('sha256');
  for (const file of FILES) hash.update(readFileSync(join(SOURCE, file)));
  const path = join(CACHE, `history-checker-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return { path };
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'there is no Go to build the history checker with' };
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'build-'));
  try {
    cpSync(SOURCE, folder, { recursive: true });
    const { status, stderr } = spawnSync('go', ['build', '-o', 'checker', '.'], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) return { missing: `the history checker can't be built: ${stderr.trim().split('\n').at(-1)}` };
    renameSync(join(folder, 'checker'), path);
    return { path };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the operations can have happened one after the other, each between its call and its answer. `unknown`: not found out in time. */
export function verdictOf(checker: string, operations: readonly Operation[]): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'locum-history-'));
  const file = join(folder, 'history.json');
  try {
    writeFileSync(file, JSON.stringify(operations));
    const { stdout, stderr } = spawnSync(checker, [file], { encoding: 'utf8' });
    const word = /^\S+ (ok|illegal|unknown) \d+$/m.exec(stdout)?.[1];
    if (word === 'ok' || word === 'illegal' || word === 'unknown') return word;
    throw new Error(`the history checker failed: ${stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
