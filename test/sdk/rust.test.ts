/** The SDK for Rust, from the crate that is packed for its users. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually, useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { playConformance } from './play-conformance.ts';
import { runOnce } from './run-once.ts';
import { provideRust } from './rust-toolchain.ts';
import { firstLines } from './toolchains.ts';

playConformance('Rust', provideRust);

const TAKEN_OVER = 75;

describe('the crate for Rust', () => {
  const fixture = useCluster(['web-1']);
  beforeEach((ctx) => {
    const { missing } = provideRust();
    if (missing !== undefined) ctx.skip(missing);
  });

  it('is written as cargo fmt writes', (ctx) => {
    const { status, stdout, stderr } = spawnSync('cargo', ['fmt', '--all', '--check'], {
      cwd: join(ROOT, 'sdk/rust'),
      encoding: 'utf8',
    });
    if (/no such command|is not installed/.test(stderr)) ctx.skip(stderr);
    expect([status, stdout]).toEqual([0, '']);
  }, 60_000);

  it('starts a policy and follows it with the first lines of its README, in a crate of its own', async () => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const folder = mkdtempSync(join(tmpdir(), 'locum-sdk-rust-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'src/main.rs');
    mkdirSync(join(folder, 'src'));
    const lines = firstLines(readFileSync(join(ROOT, 'sdk/rust/README.md'), 'utf8'));
    writeFileSync(file, lines.replace('127.0.0.1:7400', fixture().cluster.address));
    const [program = ''] = provideRust().command?.(file) ?? [];
    const { status, stdout } = spawnSync(program, { encoding: 'utf8', timeout: 60_000 });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^RUN_SUCCEEDED /m)]);
  }, 400_000);

  it('ends a command once its attempt is over, as its example does, and begins none for an attempt that is not current', async () => {
    await fixture().policies.createPolicy(runOnce('guarded', ['sleep', '600']));
    await fixture().policies.startPolicy({ name: 'policies/guarded' });
    const { run, attempt } = await fixture().running('guarded');
    const [program = ''] = provideRust().command?.('examples/guard.rs') ?? [];
    // Which attempt it is, it is told as the keeper would.
    const inside = { LOCUM_POLICY: 'guarded', LOCUM_RUN: run.name, LOCUM_EPOCH: String(attempt.epoch) };
    const work = 'trap "echo ended; exit 0" TERM; echo begun; while :; do sleep 0.1; done';
    const words = ['--controllers', fixture().cluster.address, '--every', '0.1', '--', 'sh', '-c', work];
    const child = spawn(program, words, { env: { ...process.env, ...inside }, stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const said = { stdout: '', stderr: '' };
    for (const from of ['stdout', 'stderr'] as const) {
      child[from].on('data', (bytes: Buffer) => {
        said[from] += bytes.toString();
      });
    }
    const closed = new Promise<number | null>((resolve) => void child.on('close', resolve));
    await eventually('the command has begun', async () => (said.stdout === 'begun\n' ? true : undefined));
    await fixture().runs.stopRun({ name: run.name });
    expect([await closed, said.stdout]).toEqual([TAKEN_OVER, 'begun\nended\n']);
    expect(said.stderr).toMatch(/^guard: fenced: /m);
    const late = spawnSync(program, words, { encoding: 'utf8', timeout: 30_000, env: { ...process.env, ...inside } });
    expect([late.status, late.stdout, late.stderr]).toEqual([
      TAKEN_OVER,
      '',
      expect.stringMatching(/^guard: not begun: /),
    ]);
  }, 120_000);
});
