/** The SDK for TypeScript as its users get it: packed, and installed into an empty folder. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SHORT } from '../../cli/dev/scaled-timers.ts';
import { eventually, useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { allowingPages, browserMissing, openPage } from './chromium.ts';
import { runOnce } from './run-once.ts';
import { firstLines } from './toolchains.ts';

const NO_REGISTRY = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOTCACHED/;

const readme = (): string => readFileSync(join(ROOT, 'sdk/typescript/README.md'), 'utf8');

describe('the package for TypeScript', () => {
  const fixture = useCluster(['web-1'], SHORT, { controllerFlags: allowingPages });
  let folder = '';
  let noRegistry = false;

  function run(file: string, args: readonly string[], cwd: string) {
    const { status, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8', timeout: 120_000 });
    return { status, stdout, stderr };
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-sdk-npm-'));
    const packed = run(process.execPath, ['scripts/sdk.ts', 'typescript', join(folder, 'packed')], ROOT);
    if (packed.status !== 0) throw new Error(packed.stderr);
    const file = join(folder, 'packed', readdirSync(join(folder, 'packed'))[0] ?? '');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const installed = run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', file], folder);
    noRegistry = installed.status !== 0 && NO_REGISTRY.test(installed.stderr);
    if (installed.status !== 0 && !noRegistry) throw new Error(installed.stderr);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach((ctx) => {
    if (noRegistry) ctx.skip('npm reaches no registry');
  });

  it('starts a policy and follows it with the first lines of its README, and its types hold', async () => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const lines = firstLines(readme())
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

  it('shows runs in a page with the lines of its README for browsers, and its types hold without those of Node', async (ctx) => {
    const missing = browserMissing();
    if (missing !== undefined) ctx.skip(missing);
    const lines = firstLines(/^## In a browser$.*/ms.exec(readme())?.[0] ?? '');
    writeFileSync(join(folder, 'page.ts'), lines.replaceAll(/'https:[^']+'/g, `'http://${fixture().cluster.address}'`));
    const { page, stop } = await openPage(folder);
    onTestFinished(stop);
    const shown: string[] = [];
    page.on('console', (message) => shown.push(message.text()));
    page.on('pageerror', (error) => shown.push(error.message));
    await page.addScriptTag({ type: 'module', url: '/page.ts' });
    await fixture().policies.createPolicy(runOnce('sleeper', ['sleep', '600']));
    const { run: started } = await fixture().policies.startPolicy({ name: 'policies/sleeper' });
    await eventually('the page shows the run', async () =>
      shown.some((line) => line.includes(started?.name ?? 'a run')) ? true : undefined,
    );
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom'];
    const checked = run(join(ROOT, 'node_modules/.bin/tsc'), [...flags, '--types', '', 'page.ts'], folder);
    expect(checked).toEqual({ status: 0, stdout: '', stderr: '' });
  }, 120_000);
});
