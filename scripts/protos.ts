/**
 * `npm run protos`: the API's protos for programs in other languages (docs/protos.md). Nothing is fetched from a network: what they
 * import comes from installed packages.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `npm run protos -- export FOLDER      writes locum.v1 and all that it imports, for protoc
npm run protos -- descriptors FILE   writes a descriptor set, for grpcurl -protoset
npm run protos -- breaking REF       what would break clients of that tag or commit of this checkout`;

const root = dirname(import.meta.dirname);
const bin = join(root, 'node_modules/.bin');
const installed = join(root, 'node_modules/google-proto-files');

/** The API, and what its errors carry (docs/errors.md). */
const PUBLIC = ['proto/locum/v1', ...['error_details', 'status'].map((name) => googleRpc(name))];

function googleRpc(name: string): string {
  return `node_modules/google-proto-files/google/rpc/${name}.proto`;
}

class Refused extends Error {}

const paths = (all: readonly string[]): string[] => all.flatMap((path) => ['--path', path]);

function buf(...words: readonly string[]): void {
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const done = spawnSync(join(bin, 'buf'), words, { cwd: root, env, stdio: 'inherit' });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Refused('');
}

/** Files below a folder, by the name they are imported by. */
function protosBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.proto'));
}

function exportTo(folder: string): void {
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
 * Compares exports, not `.git#ref=…`: in a commit alone the imports are missing, since installed packages bring them. That those are the
 * same on both sides is right: only what is ours is compared.
 */
function compareWith(ref: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'locum-protos-'));
  try {
    const [now, then] = [join(scratch, 'now'), join(scratch, 'then')];
    exportTo(now);
    cpSync(now, then, { recursive: true });
    rmSync(join(then, 'locum'), { recursive: true });
    const listed = git('ls-tree', '-r', '--name-only', '--end-of-options', ref, 'proto/locum/v1').trim();
    if (listed === '') throw new Refused(`${ref} has no proto/locum/v1`);
    for (const file of listed.split('\n')) {
      const target = join(then, file.slice('proto/'.length));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, git('show', '--end-of-options', `${ref}:${file}`));
    }
    buf('breaking', now, '--against', then);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function git(...words: readonly string[]): string {
  const done = spawnSync('git', words, { cwd: root, encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Refused(done.stderr.trim());
  return done.stdout;
}

/** `path` is absolute. */
const VERBS: Readonly<Record<string, (operand: string, path: string) => void>> = {
  export: (_operand, path) => exportTo(path),
  descriptors: (_operand, path) => {
    buf('build', '.', ...paths(PUBLIC), '--as-file-descriptor-set', '--output', `${path}#format=binpb`);
  },
  breaking: (ref) => compareWith(ref),
};

function main(): void {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
  if (values.help === true) {
    console.log(USAGE);
    return;
  }
  const [verb = '', operand, ...rest] = positionals;
  const action = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (action === undefined || operand === undefined || rest.length > 0) throw new Refused(USAGE);
  // A path is meant from where npm was called; npm itself goes to the project's root.
  action(operand, resolve(process.env['INIT_CWD'] ?? process.cwd(), operand));
}

try {
  main();
} catch (error) {
  if (error instanceof Error && error.message !== '') console.error(error.message);
  process.exitCode = 1;
}
