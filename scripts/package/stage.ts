/**
 * The package as it is published, in a folder of its own: compiled code, what it reads, and all packages that it needs. All that we hand
 * out (the npm package, archives, the package of Debian, images) is made of this one folder.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

/** Runs a program to its end. Throws with what it said when it fails. Returns its standard output. */
export function runTool(program: string, args: readonly string[], cwd = ROOT): string {
  const limitBytes = 256 * 1024 * 1024;
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(sourceDate()), NO_COLOR: '1' };
  const done = spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: limitBytes });
  if (done.error !== undefined) throw new Error(`${program}: ${done.error.message}`);
  if (done.status !== 0) throw new Error(`${program} ${args[0] ?? ''} failed:\n${done.stderr}${done.stdout}`);
  return done.stdout;
}

/** Seconds since 1970 that files in archives carry, so that the same source gives the same archive: those of the last commit. */
export function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' });
  // Without a history: the first moment that zip and the like can tell, too.
  return /^\d+$/.test(String(stdout).trim()) ? Number(stdout) : 315_532_800;
}

/** The folders of all packages that run with ours, below `node_modules`. */
function runtimePackages(): string[] {
  const listed = runTool('npm', ['ls', '--omit=dev', '--all', '--parseable']).trim().split('\n').slice(1);
  return listed.map((folder) => relative(ROOT, folder));
}

/** What only compilers and debuggers read: a third of all files, and of the time of an installation. */
const COMPILERS_OWN = /\.(?:[cm]?ts|map)$/;

/** `folder` is there and empty. */
export function stagePackage(folder: string): void {
  const manifest = readManifest();
  for (const path of [...manifest.files.filter((one) => one !== 'dist'), 'README.md', 'LICENSE']) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  runTool(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]);
  for (const path of runtimePackages()) {
    // A package below another one is copied with that, and again here: the same files.
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: (file) => !COMPILERS_OWN.test(file) });
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
}

/** Without what is for a checkout alone: its scripts, and the tools that they run. */
function publishedManifest(manifest: Manifest): object {
  const { name, version, description, license, bin, files, dependencies, devDependencies } = manifest;
  const engines = { node: `>=${devDependencies['node']}` };
  const type = 'module';
  return { name, version, description, license, type, engines, bin, files, dependencies, bundleDependencies: true };
}
