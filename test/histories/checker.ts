/** The checker of histories: porcupine, built with Go in the user's cache folder, as etcd is. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PORCUPINE = 'github.com/anishathalye/porcupine@v1.0.3';
const source = join(import.meta.dirname, 'checker', 'main.go');

/** One call as its client saw it. Times are nanoseconds of one clock. */
export interface Call {
  readonly client: number;
  readonly sent: number;
  readonly done: number;
  readonly policy: string;
  readonly kind: 'create' | 'update' | 'delete' | 'start' | 'stop' | 'get';
  /** What a create or update writes. */
  readonly value: string;
  /** `refused`: there was no such policy, or there was one already. */
  readonly result: 'ok' | 'refused' | 'unknown';
  readonly seenValue: string;
  readonly seenRuns: number;
}

export interface Verdict {
  readonly linearizable: boolean;
  readonly words: string;
}

/** Path of the checker, or why there is none. */
export function provideChecker(): { readonly path: string } | { readonly missing: string } {
  const version = createHash('sha256').update(PORCUPINE).update(readFileSync(source)).digest('hex').slice(0, 12);
  const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'locum');
  const path = join(cacheFolder, `histories-${version}`);
  if (existsSync(path)) return { path };
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'there is no Go to build porcupine with' };
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'build-'));
  try {
    copyFileSync(source, join(folder, 'main.go'));
    for (const step of [
      ['mod', 'init', 'histories'],
      ['get', PORCUPINE],
      ['build', '-o', 'checker', '.'],
    ]) {
      const { status, stderr } = spawnSync('go', step, { cwd: folder, encoding: 'utf8' });
      if (status !== 0) return { missing: `go ${step[0]} failed: ${stderr.trim().split('\n').at(-1)}` };
    }
    renameSync(join(folder, 'checker'), path);
    return { path };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function check(path: string, calls: readonly Call[]): Verdict {
  const { status, stdout, stderr } = spawnSync(path, { input: JSON.stringify(calls), encoding: 'utf8' });
  if (status !== 0 && status !== 1) throw new Error(`the checker failed: ${stderr}`);
  return { linearizable: status === 0, words: stdout.trim() };
}
