/** Podman with stores of its own, and a base image of this host's own programs: nothing is fetched, and nothing of it stays. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findProgram } from '../rpc/foreign-client.ts';
import { hasProgram } from './built-packages.ts';

/** What Debian's smallest image has as well, as far as Locum, its image's build and its policies need it here. */
const PROGRAMS = [
  'sh',
  'cat',
  'chmod',
  'chown',
  'cp',
  'dirname',
  'find',
  'ln',
  'mkdir',
  'mkfifo',
  'mv',
  'readlink',
  'sleep',
  'true',
];
/** Of each container: engines would set limits that this machine may not allow. */
const LIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];

/** Why no container can be run here. */
export function engineObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'containers of this test need root';
  const missing = ['podman', 'runc'].filter((name) => !hasProgram(name));
  return missing.length === 0 ? undefined : `this machine has no ${missing.join(' and no ')}`;
}

/** The files that a program needs to be started: itself, and its libraries by the names that it knows. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

function placeBase(folder: string): void {
  const place = (from: string, to: string): void => {
    const file = join(folder, to);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(realpathSync(from), file);
  };
  for (const library of librariesOf(process.execPath)) place(library, library);
  for (const name of PROGRAMS) {
    const found = findProgram(name);
    if (found === undefined) throw new Error(`this machine has no ${name}`);
    for (const library of librariesOf(found)) place(library, library);
    place(found, `/usr/bin/${name}`);
    place(found, `/bin/${name}`);
  }
  for (const name of ['etc', 'opt', 'root', 'tmp', 'usr/local/bin', 'var/lib']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
}

export class ContainerEngine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'locum-containers-'));
  readonly #started: string[] = [];

  /** Runs podman to its end. Throws with what it said when it fails. Returns both its outputs. */
  podman(words: readonly string[], cwd = this.#folder): string {
    const stores = ['--root', join(this.#folder, 'root'), '--runroot', join(this.#folder, 'run')];
    const ways = ['--storage-driver', 'vfs', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
    const done = spawnSync('podman', [...stores, ...ways, ...words], { cwd, encoding: 'utf8', timeout: 240_000 });
    if (done.status !== 0) throw new Error(`podman ${words.join(' ')}:\n${done.stderr}${done.stdout}`);
    return done.stdout + done.stderr;
  }

  /** Builds the image `localhost/locum` of `archive`. */
  build(containerfile: string, archive: string): void {
    const [base, context] = [join(this.#folder, 'base'), join(this.#folder, 'context')];
    placeBase(base);
    spawnSync('tar', ['-C', base, '-cf', join(this.#folder, 'base.tar'), '.']);
    this.podman(['import', join(this.#folder, 'base.tar'), 'localhost/base']);
    mkdirSync(context);
    copyFileSync(archive, join(context, basename(archive)));
    const given = ['--build-arg', 'BASE=localhost/base', '--build-arg', `ARCHIVE=${basename(archive)}`];
    this.podman([
      'build',
      '--isolation',
      'chroot',
      '--squash-all',
      '-f',
      containerfile,
      '-t',
      'localhost/locum',
      ...given,
      context,
    ]);
  }

  /** Starts a container, with options of `podman run` and its command. */
  start(name: string, options: readonly string[], command: readonly string[]): void {
    this.#started.push(name);
    this.podman(['run', '--detach', '--name', name, ...LIMITS, ...options, 'localhost/locum', ...command]);
  }

  /** Runs one to its end. Throws unless it ends with 0. Returns what it said. */
  once(options: readonly string[], command: readonly string[]): string {
    return this.podman(['run', '--rm', ...LIMITS, ...options, 'localhost/locum', ...command]);
  }

  close(): void {
    // Those that share the network of an earlier one go first.
    for (const name of this.#started.splice(0).toReversed()) this.podman(['rm', '--force', '--time', '0', name]);
    if (existsSync(join(this.#folder, 'root'))) this.podman(['volume', 'prune', '--force']);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
