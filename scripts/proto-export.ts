/** The API's protos as a folder that a compiler takes by itself, as they are now or were at a commit. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const bin = join(root, 'node_modules/.bin');
const installed = join(root, 'node_modules/google-proto-files');

/** The API, and what its errors carry (docs/errors.md). */
export const PUBLIC = ['proto/locum/v1', ...['error_details', 'status'].map((name) => googleRpc(name))];

function googleRpc(name: string): string {
  return `node_modules/google-proto-files/google/rpc/${name}.proto`;
}

/** Said without a stack; without words where a tool has said it already. */
export class Refused extends Error {}

export const paths = (all: readonly string[]): string[] => all.flatMap((path) => ['--path', path]);

/** Whether it exited with 0; what it prints is shown. */
export function triedBuf(...words: readonly string[]): boolean {
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const done = spawnSync(join(bin, 'buf'), words, { cwd: root, env, stdio: 'inherit' });
  if (done.error !== undefined) throw done.error;
  return done.status === 0;
}

/** @throws Refused buf has said why */
export function buf(...words: readonly string[]): void {
  if (!triedBuf(...words)) throw new Refused('');
}

/** Files below a folder, by the name they are imported by. */
function protosBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.proto'));
}

/** @throws Refused the folder has something in it */
export function exportTo(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Refused(`${folder} is not empty: what an older export left there would be compiled, too`);
  }
  buf('export', '.', ...paths(PUBLIC), '--output', folder);
  copyWellKnown(folder);
}

/** buf knows google/protobuf by itself and leaves it out. So does protoc, but not every package of it brings the files. */
function copyWellKnown(folder: string): void {
  for (const name of protosBelow(folder)) {
    for (const [, wanted = ''] of readFileSync(join(folder, name), 'utf8').matchAll(
      /^import "(google\/protobuf\/[^"]+)";/gm,
    )) {
      const target = join(folder, wanted);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(join(installed, wanted), target);
    }
  }
}

/**
 * `locum/v1` of a commit. In a commit alone the imports are missing, since installed packages bring them.
 *
 * @throws Refused there is no such commit, or it has none
 */
export function writeOwnProtosOf(ref: string, folder: string): void {
  const listed = git('ls-tree', '-r', '--name-only', '--end-of-options', ref, 'proto/locum/v1').trim();
  if (listed === '') throw new Refused(`${ref} has no proto/locum/v1`);
  for (const file of listed.split('\n')) {
    const target = join(folder, file.slice('proto/'.length));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, git('show', '--end-of-options', `${ref}:${file}`));
  }
}

function git(...words: readonly string[]): string {
  const done = spawnSync('git', words, { cwd: root, encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Refused(done.stderr.trim());
  return done.stdout;
}
