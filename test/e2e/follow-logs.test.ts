import { spawn } from 'node:child_process';
import { create } from '@bufbuild/protobuf';
import { expect, it, onTestFinished } from 'vitest';
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
