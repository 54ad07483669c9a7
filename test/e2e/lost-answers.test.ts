/** What the command line does when answers are lost and controllers are killed: real processes, and a proxy that loses what they say. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { type Loss, losingProxy } from '../cli/losing-proxy.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 180_000;
const FILES = 500;

const onDemand = (name: string, text: string) =>
  create(PolicySchema, {
    name: `policies/${name}`,
    trigger: { kind: { case: 'onDemand', value: {} } },
    maxConcurrentRuns: 100,
    workload: { kind: { case: 'script', value: { text } } },
  });

interface Background {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly text: () => string;
  readonly ended: Promise<number | null>;
}

/** A command that goes on while the test does something to its controller. */
function follow(address: string, ...args: string[]): Background {
  const env = { ...process.env, LOCUM_ADDRESS: address, NO_COLOR: '1' };
  const child = spawn(process.execPath, [LOCUM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  child.stderr.resume();
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('the command line', () => {
  // The default timers: agents outlast the restart of their controller on a busy machine.
  const fixture = useCluster(['a'], 1);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-lost-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const losses: readonly Loss[] = (['fin', 'rst'] as const).flatMap((how) =>
    (['before', 'after', 'within'] as const).map((when) => ({ how, when })),
  );
  it.each(losses)(
    'repeats a start whose connection ends by $how $when the answer, and starts once',
    {
      timeout: TEST_TIMEOUT_MS,
    },
    async (loss) => {
      const { cluster, apply, runs } = fixture();
      const name = `once-${loss.how}-${loss.when}`;
      await apply(onDemand(name, 'exit 0'));
      const proxy = await losingProxy(cluster.address, loss);
      onTestFinished(() => proxy.close());
      const started = await runLocum(proxy.address, ['policy', 'start', name]);
      expect(started).toMatchObject({ code: 0, stderr: '' });
      expect(proxy.lost()).toBe(1);
      const found = await runs.listRuns({ policy: `policies/${name}`, includeEnded: true });
      expect(found.runs).toHaveLength(1);
    },
  );

  it('goes on with all that it follows, waits for and applies when the controller is killed and started again', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, apply, running, runs, events, policies } = fixture();
    const several = `127.0.0.1:${await freePort()},${cluster.address}`;
    await apply(onDemand('ticker', 'i=0; while :; do i=$((i + 1)); echo "tick $i"; sleep 0.02; done'));
    await apply(onDemand('later', 'exec sleep 1000'));
    await policies.startPolicy({ name: 'policies/ticker' });
    await running('ticker');
    const files = join(folder, 'many');
    mkdirSync(files);
    for (let i = 0; i < FILES; i += 1) {
      const text = `name: policies/many-${i}\ntrigger: { on_demand: {} }\nworkload: { command: { argv: [ "true" ] } }\n`;
      writeFileSync(join(files, `${String(i).padStart(3, '0')}.yaml`), text);
    }
    const followed = [
      follow(cluster.address, 'events', '-f', '-o', 'name'),
      follow(several, 'events', '-f', '-o', 'name'),
    ];
    const watched = [
      follow(cluster.address, 'policy', 'list', '--watch', '-o', 'name'),
      follow(several, 'policy', 'list', '--watch', '-o', 'name'),
    ];
    const logs = [cluster.address, several].map((address) => follow(address, 'run', 'logs', 'ticker', '-f'));
    const waits = [cluster.address, several].map((address) =>
      follow(address, 'policy', 'wait', 'later', '--for', 'running', '--timeout', '120s'),
    );
    const applying = follow(cluster.address, 'policy', 'apply', '-f', files, '--timeout', '60s');
    const isUnderWay = ({ text }: Background): boolean => text() !== '';
    await eventually('all of them are under way', async () => {
      const made = linesOf(applying.text()).length > 10;
      return made && [...followed, ...watched, ...logs].every(isUnderWay) ? true : undefined;
    });

    await cluster.stopController('SIGKILL');
    expect(applying.child.exitCode).toBeNull();
    await cluster.startController();
    await policies.startPolicy({ name: 'policies/later' });

    expect(await Promise.all(waits.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(await applying.ended).toBe(0);
    const applied = linesOf(applying.text());
    expect(applied.filter((line) => /^many-\d+ created$/.test(line))).toHaveLength(FILES);
    expect(new Set(applied).size).toBe(FILES);
    const [ticker] = (await runs.listRuns({ policy: 'policies/ticker' })).runs;
    await runs.stopRun({ name: ticker?.name ?? '' });
    expect(await Promise.all(logs.map(({ ended }) => ended))).toEqual([0, 0]);
    for (const { text } of logs) {
      const lines = linesOf(text());
      expect(lines.length).toBeGreaterThan(50);
      expect(lines).toEqual(lines.map((_, i) => `tick ${i + 1}`));
    }
    await policies.updatePolicy({ policy: onDemand('last-of-all', 'true'), allowMissing: true });
    const last = (await events.listEvents({ about: 'policies/last-of-all' })).events[0]?.name ?? '';
    for (const { text } of followed) {
      await eventually('the last event is followed', async () => (text().includes(`${last}\n`) ? true : undefined));
      const numbers = linesOf(text()).map((line) => Number(line.slice('events/'.length)));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      const all = (await events.listEvents({ pageSize: 1_000 })).events.map(({ name }) => Number(name.slice(7)));
      const since = all.filter((number) => number >= (numbers[0] ?? 0)).reverse();
      expect(numbers).toEqual(since.slice(-numbers.length));
      expect(numbers.length).toBeGreaterThanOrEqual(Math.min(since.length, FILES));
    }
    for (const { text } of watched) {
      await eventually('the last policy is seen', async () =>
        text().includes('policies/last-of-all') ? true : undefined,
      );
      const lines = linesOf(text());
      for (let i = 0; i < FILES; i += 1) expect(lines.filter((line) => line === `policies/many-${i}`)).toHaveLength(1);
    }
  });
});
