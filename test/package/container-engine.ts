/** Podman with stores of its own, and a base image of this host's own programs: nothing is fetched, and nothing of it stays. */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
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
const LIMITS = { nofile: 4096, nproc: 4096 };
const LIMIT_OPTIONS = Object.entries(LIMITS).flatMap(([name, limit]) => ['--ulimit', `${name}=${limit}:${limit}`]);

/** Why no container can be run here. */
export function engineObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'containers of this test need root';
  const missing = ['podman', 'runc'].filter((name) => !hasProgram(name));
  return missing.length === 0 ? undefined : `this machine has no ${missing.join(' and no ')}`;
}

/** Why no compose file can be brought up here. */
export function composeObstacle(): string | undefined {
  if (!hasProgram('podman-compose')) return 'this machine has no podman-compose';
  const places = ['/usr/lib/podman', '/usr/libexec/podman'].map((folder) => join(folder, 'aardvark-dns'));
  return places.some((place) => existsSync(place))
    ? undefined
    : 'this machine has no aardvark-dns: containers know no names';
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
  #composed = false;

  /** Options of podman, whoever starts it. */
  get #ways(): string[] {
    const stores = ['--root', join(this.#folder, 'root'), '--runroot', join(this.#folder, 'run')];
    return [...stores, '--storage-driver', 'vfs', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
  }

  /** Runs podman to its end. Throws with what it said when it fails. Returns both its outputs. */
  podman(words: readonly string[], cwd = this.#folder): string {
    return this.#run('podman', [...this.#ways, ...words], { cwd });
  }

  #run(program: string, words: readonly string[], options: SpawnSyncOptions): string {
    const done = spawnSync(program, words, { ...options, encoding: 'utf8', timeout: 240_000 });
    if (done.status !== 0) throw new Error(`${program} ${words.join(' ')}:\n${done.stderr}${done.stdout}`);
    return done.stdout + done.stderr;
  }

  /**
   * Runs lines of a shell in which `podman` is this engine's, and `podman compose` is podman-compose with `file`. Throws with what they said
   * when one fails. Returns both their outputs.
   */
  compose(file: string, lines: string): string {
    const [bin, limits] = [join(this.#folder, 'bin'), join(this.#folder, 'limits.json')];
    if (!this.#composed) {
      this.#composed = true;
      mkdirSync(bin);
      const names = Object.keys(parse(readFileSync(file, 'utf8')).services);
      writeFileSync(
        limits,
        JSON.stringify({ services: Object.fromEntries(names.map((name) => [name, { ulimits: LIMITS }])) }),
      );
      const composing = `podman-compose -p locum-test -f '${file}' -f '${limits}'`;
      const podman = `'${findProgram('podman')}' ${this.#ways.join(' ')} --network-config-dir '${join(this.#folder, 'networks')}'`;
      const script = `#!/bin/sh\nif [ "$1" = compose ]; then shift; exec ${composing} "$@"; fi\nexec ${podman} "$@"\n`;
      writeFileSync(join(bin, 'podman'), script, { mode: 0o755 });
    }
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
    return this.#run('sh', ['-ec', lines], { cwd: this.#folder, env });
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
    this.podman(['run', '--detach', '--name', name, ...LIMIT_OPTIONS, ...options, 'localhost/locum', ...command]);
  }

  /** Runs one to its end. Throws unless it ends with 0. Returns what it said. */
  once(options: readonly string[], command: readonly string[]): string {
    return this.podman(['run', '--rm', ...LIMIT_OPTIONS, ...options, 'localhost/locum', ...command]);
  }

  close(): void {
    if (this.#composed) this.compose('', 'podman compose down -t 0');
    // Those that share the network of an earlier one go first.
    for (const name of this.#started.splice(0).toReversed()) this.podman(['rm', '--force', '--time', '0', name]);
    if (existsSync(join(this.#folder, 'root'))) this.podman(['volume', 'prune', '--force']);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
