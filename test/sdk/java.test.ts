/** The SDK for Java, from the jar that is built for its users. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { compiled, provideJava, userProject } from './java-toolchain.ts';
import { playConformance } from './play-conformance.ts';
import { runOnce } from './run-once.ts';
import { firstLines } from './toolchains.ts';

playConformance('Java', provideJava);

/** grpc's transport says by INFO which system calls it has found; that is no trouble. */
const trouble = (stderr: string): boolean =>
  /WARNING|SEVERE|Exception|^[A-Z_]+: /m.test(stderr.replaceAll(/^INFO: /gm, ''));

describe('the package for Java', () => {
  const fixture = useCluster(['web-1']);
  beforeEach((ctx) => {
    const { missing } = provideJava();
    if (missing !== undefined) ctx.skip(missing);
  });

  it('starts a policy and follows it with the first lines of its README, in the project that the README shows', async () => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const folder = mkdtempSync(join(tmpdir(), 'locum-sdk-java-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    userProject(folder);
    mkdirSync(join(folder, 'src/main/java'), { recursive: true });
    const lines = firstLines(readFileSync(join(ROOT, 'sdk/java/README.md'), 'utf8'));
    writeFileSync(
      join(folder, 'src/main/java/Nightly.java'),
      lines.replace('127.0.0.1:7400', fixture().cluster.address),
    );
    const [java, ...words] = compiled(folder);
    const { status, stdout, stderr } = spawnSync(java, [...words, 'Nightly'], { encoding: 'utf8', timeout: 60_000 });
    expect([status, trouble(stderr), stdout]).toEqual([0, false, expect.stringMatching(/^RUN_SUCCEEDED /m)]);
  }, 180_000);

  it('starts a policy once for each slot of time, with two of its schedulers', async () => {
    await fixture().policies.createPolicy(runOnce('report', ['true']));
    const example = join(ROOT, 'sdk/java/examples/Scheduler.java');
    const words = ['policies/report', 'PT5S', '2', fixture().cluster.address];
    const [java = '', ...flags] = provideJava().command?.(example) ?? [];
    const play = () => ended(spawn(java, [...flags, ...words]));
    const [one, other] = await Promise.all([play(), play()]);
    expect([one.code, other.code, trouble(one.stderr + other.stderr)]).toEqual([0, 0, false]);
    const runsOf = ({ stdout }: typeof one) => stdout.matchAll(/^(\S+) (runs\/\S+) RUN_STATE_SUCCEEDED$/gm);
    const bySlot = new Map<string, string>();
    for (const [, slot = '', run = ''] of [...runsOf(one), ...runsOf(other)]) {
      expect(bySlot.get(slot) ?? run).toBe(run);
      bySlot.set(slot, run);
    }
    const { runs } = await fixture().runs.listRuns({ policy: 'policies/report', includeEnded: true });
    expect(runs.map(({ name }) => name).sort()).toEqual([...new Set(bySlot.values())].sort());
    expect(runs.length).toBeGreaterThanOrEqual(2);
  }, 120_000);
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
  onTestFinished(() => void child.kill('SIGKILL'));
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
  return new Promise((resolve) => {
    child.on('close', (code) =>
      resolve({ code, stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)) }),
    );
  });
}
