/** The archive with its own Node: works wherever it is unpacked, on a host that has neither Node nor npm. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { nouns } from '../../cli/nouns.ts';
import { escapeRoff } from '../../scripts/package/manual.ts';
import { placeNode } from '../../scripts/package/node-program.ts';
import { BUILD_TIMEOUT_MS, builtPackages, hasProgram, VERSION } from './built-packages.ts';

const scratch = mkdtempSync(join(tmpdir(), 'locum-archive-'));
const program = join(scratch, `locum-${VERSION}-linux-${process.arch}`);

beforeAll(() => {
  const { status, stderr } = spawnSync('tar', ['-xzf', builtPackages().archive, '-C', scratch], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}, BUILD_TIMEOUT_MS);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** With an environment that has nothing but the tools of every host. */
const run = (file: string, ...args: readonly string[]) =>
  spawnSync(file, args, { env: { PATH: '/usr/bin:/bin' }, cwd: '/', encoding: 'utf8' });

/** Debian's qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross. */
const [EMULATOR, LIBRARIES] = ['/usr/bin/qemu-aarch64-static', '/usr/aarch64-linux-gnu'];
/** The first bytes of a program for arm64, and which of their bits count: `binfmt.d` of qemu has the same. */
const MAGIC = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
const REGISTER = `set -e
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf '%s' ':arm64:M::${MAGIC}:${MASK}:${EMULATOR}:F' >/proc/sys/fs/binfmt_misc/register
exec "$@"`;

/** In a user namespace of its own, where programs for arm64 start as those of this machine do; nothing of that is seen outside. */
function emulated(file: string, ...args: readonly string[]) {
  const words = ['--user', '--map-root-user', '--mount', 'sh', '-c', REGISTER, 'sh', file, ...args];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: scratch, QEMU_LD_PREFIX: LIBRARIES };
  return spawn('unshare', words, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Why no program for arm64 runs here. */
function emulatorObstacle(): string | undefined {
  const missing = [EMULATOR, LIBRARIES].find((path) => !existsSync(path));
  if (missing !== undefined) return `this machine has no ${missing}`;
  const { status, stderr } = spawnSync('unshare', [
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    REGISTER,
    'sh',
    'true',
  ]);
  return status === 0 ? undefined : `programs for arm64 can't be started here: ${stderr.toString().trim()}`;
}

describe('the archive', () => {
  it('runs on its own Node from wherever it is, and through a link', () => {
    const says = `locum ${VERSION} (Node 24.21.0)\n`;
    expect(run(join(program, 'bin/locum'), 'version')).toMatchObject({ status: 0, stdout: says, stderr: '' });
    symlinkSync(join(program, 'bin/locum'), join(scratch, 'linked'));
    expect(run(join(scratch, 'linked'), 'version')).toMatchObject({ status: 0, stdout: says, stderr: '' });
  });

  it('has its Node where the units look for it below /opt/locum', () => {
    const units = join(program, 'deploy/systemd');
    for (const name of readdirSync(units).filter((one) => one.endsWith('.service'))) {
      const [, node = '', script = ''] =
        /^ExecStart=(\S+) .*?(\/opt\/\S+\.js)/m.exec(readFileSync(join(units, name), 'utf8')) ?? [];
      const here = (path: string): string => path.replace('/opt/locum', program);
      expect(run(here(node), here(script), '--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n` });
    }
  });

  it('has a manual page for each word that the help shows, which man takes without a warning', (ctx) => {
    const shown = nouns.filter(({ group }) => group !== undefined).map(({ name }) => `locum-${name}.1`);
    const pages = join(program, 'share/man/man1');
    expect(readdirSync(pages).sort()).toEqual(['locum.1', ...shown].sort());
    expect(readFileSync(join(pages, 'locum-server.1'), 'utf8')).toContain('.SS "locum server drain');
    if (!hasProgram('man')) return ctx.skip('this machine has no man');
    for (const name of readdirSync(pages)) {
      const shownPage = run('man', '--warnings', '-E', 'UTF-8', '-l', join(pages, name));
      expect({ name, status: shownPage.status, stderr: shownPage.stderr }).toEqual({ name, status: 0, stderr: '' });
    }
  });

  it('has completion for each shell, which bash takes and answers', () => {
    const file = join(program, 'share/bash-completion/completions/locum');
    const ask = 'COMP_WORDS=(locum serv); COMP_CWORD=1; _locum; echo "${COMPREPLY[@]}"';
    const line = `PATH="${join(program, 'bin')}:$PATH"; source "${file}"; ${ask}`;
    expect(run('bash', '--norc', '-c', line)).toMatchObject({ status: 0, stdout: 'server\n', stderr: '' });
    expect(readFileSync(join(program, 'share/zsh/vendor-completions/_locum'), 'utf8')).toMatch(/^#compdef locum/);
    expect(readFileSync(join(program, 'share/fish/vendor_completions.d/locum.fish'), 'utf8')).toContain(
      'complete -c locum',
    );
  });
});

describe('the Node of an archive', () => {
  /** As the ELF header says it, in its bytes 18 and 19. */
  const MACHINES = { x64: 62, arm64: 183 };

  it.for(['x64', 'arm64'] as const)(
    'for %s is a program for that processor',
    { timeout: 180_000 },
    (architecture, ctx) => {
      const folder = join(scratch, architecture);
      mkdirSync(folder);
      try {
        placeNode(join(folder, 'node'), architecture);
      } catch (error) {
        // Only the Node of this processor is installed; without a registry there is no other.
        if (error instanceof Error && error.message.startsWith('npm pack failed'))
          ctx.skip(error.message.slice(0, 200));
        throw error;
      }
      const head = Buffer.alloc(20);
      const fd = openSync(join(folder, 'node'), 'r');
      readSync(fd, head, 0, 20, 0);
      closeSync(fd);
      expect(head.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
      expect(head.readUInt16LE(18)).toBe(MACHINES[architecture]);
      expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('Node.js is licensed');
    },
  );
});

describe('the archive on arm64', () => {
  it('says its version, and its controller comes up and ends in good order, under an emulator', {
    timeout: 300_000,
  }, async (ctx) => {
    const node = join(scratch, 'arm64/node');
    const obstacle = existsSync(node) ? emulatorObstacle() : 'there is no Node for arm64';
    if (obstacle !== undefined) return ctx.skip(obstacle);
    // All but its Node is the same for every processor.
    renameSync(join(program, 'node_modules/node/bin/node'), join(scratch, 'own-node'));
    renameSync(node, join(program, 'node_modules/node/bin/node'));
    const locum = (...words: readonly string[]) => emulated(join(program, 'bin/locum'), ...words);
    let output = '';
    const [api, agents] = [await freePort(), await freePort()];
    const listeners = ['--api-listen', `127.0.0.1:${api}`, '--agent-listen', `127.0.0.1:${agents}`];
    const controller = locum('controller', '--open', '--data-dir', join(scratch, 'data'), ...listeners);
    try {
      const version = locum('version');
      expect(await Promise.all([textOf(version.stdout), once(version, 'exit')])).toEqual([
        `locum ${VERSION} (Node 24.21.0)\n`,
        [0, null],
      ]);
      controller.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await vi.waitFor(() => expect(output).toContain('controller is ready'), { timeout: 240_000, interval: 250 });
      expect(await (await fetch(`http://127.0.0.1:${api}/readyz`)).text()).toBe('leader\n');
      const ended = once(controller, 'exit');
      controller.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      controller.kill('SIGKILL');
      renameSync(join(scratch, 'own-node'), join(program, 'node_modules/node/bin/node'));
    }
  });
});

describe('a manual page', () => {
  it('shows dashes, backslashes, quotes and dots at the begin of a line as they are', () => {
    expect(escapeRoff(".a\n'b --c \\d")).toBe('\\&.a\n\\(aqb \\-\\-c \\ed');
  });
});
