/** The SDK for Go, from the module that is written for its users. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { eventually, useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { playConformance } from './play-conformance.ts';
import { runOnce } from './run-once.ts';
import { firstLines, provideGo } from './toolchains.ts';

playConformance('Go', provideGo);

describe('the module for Go', () => {
  const fixture = useCluster(['web-1']);
  beforeEach((ctx) => {
    const { missing } = provideGo();
    if (missing !== undefined) ctx.skip(missing);
  });

  it('starts a policy and follows it with the first lines of its README, in a module of its own', async () => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const folder = mkdtempSync(join(tmpdir(), 'locum-sdk-go-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'main.go');
    const lines = firstLines(readFileSync(join(ROOT, 'sdk/go/README.md'), 'utf8'));
    writeFileSync(file, lines.replace('127.0.0.1:7400', fixture().cluster.address));
    const [program = ''] = provideGo().command?.(file) ?? [];
    const { status, stdout } = spawnSync(program, { encoding: 'utf8', timeout: 60_000 });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^RUN_SUCCEEDED /m)]);
  }, 180_000);

  it('shows runs to Prometheus as its example does', async () => {
    await fixture().policies.createPolicy(runOnce('sleeper', ['sleep', '600']));
    await fixture().policies.startPolicy({ name: 'policies/sleeper' });
    await fixture().running('sleeper');
    const [program = ''] = provideGo().command?.('./examples/exporter') ?? [];
    const listen = `127.0.0.1:${await freePort()}`;
    const child = spawn(program, ['--controllers', fixture().cluster.address, '--listen', listen], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const read = async (): Promise<string | undefined> => {
      const answer = await fetch(`http://${listen}/metrics`).catch(() => undefined);
      const text = (await answer?.text()) ?? '';
      return text.includes('policy="sleeper"') ? text : undefined;
    };
    const shown = await eventually('the exporter knows the run', read);
    expect(shown).toContain('locum_exporter_runs{policy="sleeper",state="RUNNING"} 1\n');
    expect(shown).toMatch(/^locum_exporter_age_seconds \d/m);
  }, 120_000);
});
