/** The SDK for TypeScript as its users get it: packed, and installed into an empty folder. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { runOnce } from './run-once.ts';
import { firstLines } from './toolchains.ts';

const NO_REGISTRY = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOTCACHED/;

describe('the package for TypeScript', () => {
  const fixture = useCluster(['web-1']);

  function run(file: string, args: readonly string[], cwd: string) {
    const { status, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8', timeout: 120_000 });
    return { status, stdout, stderr };
  }

  it('starts a policy and follows it with the first lines of its README, and its types hold', async (ctx) => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const folder = mkdtempSync(join(tmpdir(), 'locum-sdk-npm-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const packed = run(process.execPath, ['scripts/sdk.ts', 'typescript', join(folder, 'packed')], ROOT);
    expect(packed).toMatchObject({ status: 0 });
    const file = join(folder, 'packed', readdirSync(join(folder, 'packed'))[0] ?? '');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const installed = run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', file], folder);
    if (installed.status !== 0 && NO_REGISTRY.test(installed.stderr)) ctx.skip('npm reaches no registry');
    expect(installed).toMatchObject({ status: 0 });
    const lines = firstLines(readFileSync(join(ROOT, 'sdk/typescript/README.md'), 'utf8'))
      .replace('127.0.0.1:7400', fixture().cluster.address)
      .replaceAll(/'\.\/([a-z-]+)\.ts'/g, "'locum-client/$1'");
    writeFileSync(join(folder, 'readme.ts'), lines);
    const done = run(process.execPath, ['readme.ts'], folder);
    expect(done).toMatchObject({ status: 0, stdout: expect.stringMatching(/^RUN_SUCCEEDED /m) });
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck'];
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    const checked = run(join(ROOT, 'node_modules/.bin/tsc'), [...flags, ...types, 'readme.ts'], folder);
    expect(checked).toEqual({ status: 0, stdout: '', stderr: '' });
  }, 300_000);
});
