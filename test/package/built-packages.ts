/**
 * The packages as `npm run package` makes them, hardly compressed, for this machine's processor. Built once for each state of what goes
 * into them, since that takes 20 s; whoever changes nothing of it finds them ready.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/locum-packages');
/** All that the packages are made of; what the lockfile names is installed as it says. */
const SOURCES = [
  ...['agent', 'bin', 'cli', 'controller', 'deploy', 'examples', 'keeper', 'proto', 'sdk', 'shared', 'scripts/package'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'CHANGELOG.md'],
];
export const BUILD_TIMEOUT_MS = 240_000;

export const VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

function filesOf(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  const entries = readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' }).sort();
  return entries.map((name) => join(path, name)).filter((one) => statSync(join(ROOT, one)).isFile());
}

function stateOfSources(): string {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}`);
  for (const path of SOURCES.flatMap(filesOf)) hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 16);
}

export interface BuiltPackages {
  readonly npm: string;
  readonly archive: string;
  /** Undefined where there is no dpkg-deb. */
  readonly deb: string | undefined;
}

/** `npm run package` with these words. What it prints is in an error. */
export function runPackage(...words: readonly string[]): void {
  const script = join(ROOT, 'scripts/package/main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm run package -- ${words.join(' ')}\n${stdout}${stderr}`);
}

export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).error === undefined;
}

export function builtPackages(): BuiltPackages {
  const folder = join(CACHE, stateOfSources());
  const kinds = ['npm', 'archive', ...(hasProgram('dpkg-deb') ? ['deb'] : [])];
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = mkdtempSync(join(CACHE, 'unfinished-'));
    runPackage(...kinds, '--quick', '--arch', process.arch, '--out', fresh);
    for (const older of readdirSync(CACHE).filter((name) => !name.startsWith('unfinished-'))) {
      rmSync(join(CACHE, older), { recursive: true, force: true });
    }
    // Another worker may have been as quick: then its packages are as good.
    try {
      renameSync(fresh, folder);
    } catch {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  const deb = readdirSync(folder).find((name) => name.endsWith('.deb'));
  return {
    npm: join(folder, `locum-${VERSION}.tgz`),
    archive: join(folder, `locum-${VERSION}-linux-${process.arch}.tar.gz`),
    deb: deb === undefined ? undefined : join(folder, deb),
  };
}
