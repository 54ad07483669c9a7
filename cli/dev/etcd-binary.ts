/**
 * Finds an etcd server for trials and tests, or makes one.
 *
 * A current one is built with Go from etcd's own module, into the user's cache folder; where there is no Go, root on Debian gets
 * the packaged one, which is too old for production but good enough to try things. Nothing else is downloaded.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const VERSION = 'v3.7.3';

export interface EtcdBinary {
  readonly path: string;
  /** In words, for people. */
  readonly from: string;
}

const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'locum');
const built = join(cacheFolder, `etcd-${VERSION}`);

/** An etcd that is there already: one that was built, else one on PATH. */
export function findEtcd(): EtcdBinary | undefined {
  if (existsSync(built)) return { path: built, from: `built with Go (${VERSION})` };
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'etcd'));
  const path = onPath.find((candidate) => existsSync(candidate));
  return path === undefined ? undefined : { path, from: 'found on PATH' };
}

/** Finds etcd, or builds or installs it. Takes a minute or two the first time; throws with the reason if nothing works. */
export function provideEtcd(): EtcdBinary {
  const found = findEtcd();
  if (found !== undefined) return found;
  const problems = [buildWithGo(), installPackage()].filter((problem) => problem !== undefined);
  const made = findEtcd();
  if (made === undefined) throw new Error(`no etcd: ${problems.join('; ')}`);
  return made;
}

function buildWithGo(): string | undefined {
  if (spawnSync('go', ['version']).status !== 0) return 'there is no Go to build it with';
  mkdirSync(cacheFolder, { recursive: true });
  // In the same folder as the result, so that the last step is a rename: a build that is cut short leaves no half-made file.
  const folder = mkdtempSync(join(cacheFolder, 'build-'));
  const main =
    'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n';
  try {
    writeFileSync(join(folder, 'main.go'), main);
    const steps = [
      ['mod', 'init', 'etcd'],
      ['get', `go.etcd.io/etcd/server/v3@${VERSION}`],
      ['build', '-o', 'etcd', '.'],
    ];
    for (const step of steps) {
      const { status, stderr } = spawnSync('go', step, { cwd: folder, encoding: 'utf8' });
      if (status !== 0) return `go ${step[0]} failed: ${stderr.trim().split('\n').at(-1)}`;
    }
    renameSync(join(folder, 'etcd'), built);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installPackage(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can install the package etcd-server';
  const { status, stderr, error } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'etcd-server'], {
    encoding: 'utf8',
    // The package must not start a server of its own.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  return status === 0 ? undefined : `apt-get failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
}
