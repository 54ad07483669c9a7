/** What `npm install` of our package gives: tried in an empty folder, without a network, as a newcomer would. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clearProcesses } from '../../cli/dev/host-processes.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { BUILD_TIMEOUT_MS, builtPackages, VERSION } from './built-packages.ts';

const home = mkdtempSync(join(tmpdir(), 'locum-newcomer-'));
const folder = join(home, 'project');
/** Nothing of this checkout, of npm's own settings or of its cache. */
const env = {
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  HOME: home,
  NO_COLOR: '1',
  npm_config_cache: join(home, 'npm-cache'),
  npm_config_offline: 'true',
};
const run = (program: string, ...args: readonly string[]) =>
  spawnSync(program, args, { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });

beforeAll(() => {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{}');
  const { status, stderr, stdout } = run('npm', 'install', '--no-audit', '--no-fund', builtPackages().npm);
  if (status !== 0 || stderr !== '') throw new Error(`npm install said:\n${stderr}${stdout}`);
}, BUILD_TIMEOUT_MS);

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the package for npm', () => {
  it('tells its version, and completes words', () => {
    expect(run('npx', 'locum', '--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n`, stderr: '' });
    expect(run('npx', 'locum', 'complete-words', '--', 'serv').stdout.split('\n')).toContain('server');
  });

  it('ships JavaScript, protos and units, and nothing that only a checkout needs', () => {
    const has = (path: string): boolean => existsSync(join(folder, 'node_modules/locum', path));
    expect(
      ['dist/cli/main.js', 'proto/locum/v1/policy.proto', 'deploy/systemd/locum-agent.service'].filter(has),
    ).toHaveLength(3);
    expect(['cli/main.ts', 'test', 'scripts', 'node_modules/vitest', 'node_modules/node', 'demo'].filter(has)).toEqual(
      [],
    );
    const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/locum/package.json'), 'utf8'));
    expect(manifest).toMatchObject({ engines: { node: '>=24.21.0' }, bundleDependencies: true });
    expect(Object.keys(manifest)).not.toContain('scripts');
  });

  it('brings up a cluster on one machine, answers calls, and leaves no process behind', async () => {
    const data = join(home, 'data');
    const [api, agents] = [await freePort(), await freePort()];
    const words = ['dev', '--agents', '2', '--timers', 'short', '--data', data];
    const ports = ['--api-port', String(api), '--agent-port', String(agents)];
    const dev = spawn(join(folder, 'node_modules/.bin/locum'), [...words, ...ports], { cwd: folder, env });
    let output = '';
    for (const stream of [dev.stdout, dev.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(dev, 'exit');
    try {
      await vi.waitFor(() => expect(output).toContain('Ctrl-C stops everything'), { timeout: 60_000, interval: 100 });
      const listed = run('npx', 'locum', '--address', `127.0.0.1:${api}`, 'server', 'list', '-o', 'name');
      expect(listed).toMatchObject({ status: 0, stdout: 'servers/server-1\nservers/server-2\n' });
      dev.kill('SIGINT');
      expect(await ended).toEqual([0, null]);
    } finally {
      dev.kill('SIGKILL');
      expect(await clearProcesses(data, { waitMs: 5_000 })).toEqual([]);
    }
  }, 120_000);

  it('says on an old Node what it needs, and takes one that is installed beside it', () => {
    const old = join(home, 'old-node.mjs');
    // What bin/locum.js asks is the version alone, so a newer Node that tells an older one is as good as that.
    writeFileSync(old, "Object.defineProperty(process.versions, 'node', { value: '22.1.0' });");
    const locum = join(folder, 'node_modules/locum/bin/locum.js');
    const refused = run(process.execPath, '--import', old, locum, '--version');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain('locum needs Node 24.21.0 or newer; this is Node 22.1.0');
    expect(refused.stderr).toContain('npm install node@24.21.0');

    const beside = join(folder, 'node_modules/node/bin/node');
    mkdirSync(dirname(beside), { recursive: true });
    writeFileSync(beside, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
    expect(run(process.execPath, '--import', old, locum, '--version')).toMatchObject({
      status: 0,
      stdout: `${VERSION}\n`,
    });
  });
});
