import { spawn } from 'node:child_process';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const fixture = useCluster(['a', 'b']);

const TICKS = 'i=0; while :; do i=$((i + 1)); echo "epoch $LOCUM_EPOCH tick $i"; sleep 0.02; done';

it('the output of a policy is followed from a host that dies to the next one, until it is stopped', {
  timeout: 90_000,
}, async () => {
  const { cluster, apply, running, policies } = fixture();
  const workload = { kind: { case: 'script' as const, value: { text: TICKS } } };
  await apply(create(PolicySchema, { name: 'policies/ticker', workload }));
  const first = await running('ticker', 'a');
  const child = spawn(process.execPath, [LOCUM, 'run', 'logs', 'ticker', '-f'], {
    env: { ...process.env, LOCUM_ADDRESS: cluster.address, NO_COLOR: '1' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await eventually('it shows the first attempt', async () => (text.includes('tick 20\n') ? true : undefined));
  await cluster.killHost('a');
  const second = await running('ticker', 'b');
  const seen = `epoch ${second.attempt.epoch} tick 20\n`;
  await eventually('it shows the second attempt', async () => (text.includes(seen) ? true : undefined));
  await policies.stopPolicy({ name: 'policies/ticker' });
  expect(await ended).toBe(0);

  const of = (epoch: bigint) => text.split('\n').filter((line) => line.startsWith(`epoch ${epoch} `));
  for (const { attempt } of [first, second]) {
    const lines = of(attempt.epoch);
    expect(lines).toEqual(lines.map((_, i) => `epoch ${attempt.epoch} tick ${i + 1}`));
  }
  const tail = await runLocum(cluster.address, ['run', 'logs', 'ticker', '--tail', '2']);
  expect(tail.stdout.trimEnd().split('\n')).toEqual(of(second.attempt.epoch).slice(-2));
});

it('lines have times, by which they are chosen', { timeout: 90_000 }, async () => {
  const { cluster, apply, running, policies } = fixture();
  const workload = { kind: { case: 'script' as const, value: { text: TICKS } } };
  await apply(create(PolicySchema, { name: 'policies/timed', workload }));
  await running('timed');
  const logs = async (...flags: string[]): Promise<string[]> => {
    const { stdout } = await runLocum(cluster.address, ['run', 'logs', 'timed', ...flags]);
    return stdout.split('\n').filter((line) => line !== '');
  };
  await eventually('fifty lines', async () => ((await logs()).length > 50 ? true : undefined));
  await policies.stopPolicy({ name: 'policies/timed' });
  const all = await logs('--timestamps');
  const timeOf = (line: string): string => line.split(' ')[0] ?? '';
  expect(all.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual(await logs());
  expect(all.map(timeOf)).toEqual(all.map(timeOf).toSorted());
  const middle = timeOf(all[25] ?? '');
  expect(middle).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
  const [before, since] = [all.filter((line) => timeOf(line) <= middle), all.filter((line) => timeOf(line) >= middle)];
  expect(await logs('--timestamps', '--since', middle)).toEqual(since);
  expect(await logs('--timestamps', '--until', middle)).toEqual(before);
  expect(await logs('--timestamps', '--until', middle, '--tail', '3')).toEqual(before.slice(-3));
  expect(await logs('--since', '1h')).toHaveLength(all.length);
});

/** `run logs -f` as a person runs it: what it has shown so far, and its end. */
function following(address: string, policy: string) {
  const child = spawn(process.execPath, [LOCUM, 'run', 'logs', policy, '-f'], {
    env: { ...process.env, LOCUM_ADDRESS: address, NO_COLOR: '1' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const shown = { text: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    shown.text += bytes.toString();
  });
  return { shown, ended: new Promise<number | null>((resolve) => child.once('close', resolve)) };
}

describe('with the default timers, as what is restarted on a busy machine must be back within the lease', () => {
  const slow = useCluster(['c'], 1);

  it('the output of an attempt is followed over a restart of the controller and one of the agent, and none of it is shown twice', {
    timeout: 90_000,
  }, async () => {
    const { cluster, apply, running, policies } = slow();
    const workload = { kind: { case: 'script' as const, value: { text: TICKS } } };
    await apply(create(PolicySchema, { name: 'policies/steady', workload }));
    const { attempt } = await running('steady', 'c');
    const { shown, ended } = following(cluster.address, 'steady');
    const upTo = (tick: number): Promise<unknown> =>
      eventually(`it shows tick ${tick}`, async () => (shown.text.includes(`tick ${tick}\n`) ? true : undefined));
    const last = (): number => Number(shown.text.trimEnd().split(' ').at(-1));
    await upTo(10);
    await cluster.stopController('SIGKILL');
    await cluster.startController();
    await upTo(last() + 50);
    await cluster.stopAgent('c', 'SIGKILL');
    await cluster.startAgent('c');
    await upTo(last() + 50);
    expect((await running('steady', 'c')).attempt.epoch).toBe(attempt.epoch);
    await policies.stopPolicy({ name: 'policies/steady' });
    expect(await ended).toBe(0);
    const lines = shown.text.trimEnd().split('\n');
    expect(lines).toEqual(lines.map((_, i) => `epoch ${attempt.epoch} tick ${i + 1}`));
  });
});
