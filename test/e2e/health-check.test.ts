import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../../shared/gen/locum/v1/run_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { eventually, useCluster } from './cluster-fixture.ts';

const TEST_TIMEOUT_MS = 90_000;
const QUICK = { interval: toDuration(1_000), failures: 1, grace: toDuration(0), missingAfter: toDuration(1_000) };

describe('a policy with a health check, on two servers with real processes', () => {
  // Slow enough for an agent to be back before it is missing, on a busy machine too.
  const fixture = useCluster(['a', 'b'], 0.5);

  const healthOf = async (policy: string, word: 'HEALTHY' | 'UNHEALTHY') =>
    eventually(`${policy} is ${word}`, async () => {
      const [run] = (await fixture().runs.listRuns({ policy: `policies/${policy}` })).runs;
      return run?.attempts.at(-1)?.health?.state === Health[word] ? run : undefined;
    });

  it('that has a process and does not do its work goes to the next server, and never runs twice', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { witness, apply, running, events } = fixture();
    const folder = await mkdtemp(join(tmpdir(), 'locum-health-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const well = join(folder, 'well');
    writeFileSync(well, '');
    const argv = ['/bin/sh', '-c', `test -e ${well} || test "$LOCUM_EPOCH" != "$(cat ${folder}/epoch)"`];
    const kind = { case: 'exec' as const, value: { argv } };
    await apply(witness.policy('orders', { healthCheck: { ...QUICK, kind } }));
    const before = await running('orders', 'a');
    await healthOf('orders', 'HEALTHY');

    writeFileSync(join(folder, 'epoch'), String(before.attempt.epoch));
    rmSync(well);
    const after = await running('orders', 'b');
    expect(after.run.name).toBe(before.run.name);
    await healthOf('orders', 'HEALTHY');
    const told = (await events.listEvents({ about: 'policies/orders' })).events.toReversed();
    const types = told.map(({ type, cause }) => `${type} ${cause}`);
    expect(types).toEqual(
      expect.arrayContaining([
        'RUN_HEALTHY HEALTH_CHECK',
        'RUN_UNHEALTHY HEALTH_CHECK',
        'RUN_STOPPING UNHEALTHY',
        'ATTEMPT_ENDED STOPPED',
        'RUN_ASSIGNED RECOVERY',
      ]),
    );
    expect(witness.of(before.run.name.slice('runs/'.length)).map(({ what }) => what)).toEqual([
      ...['start', 'stop', 'start'],
    ]);
  });

  it('over HTTP is judged by the status, also by an agent that was killed and came back', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, witness, apply, running } = fixture();
    let status = 200;
    const server = createServer((_, response) => void response.writeHead(status).end());
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await eventually('the page is served', async () => server.listening || undefined);
    const { port } = server.address() as AddressInfo;
    const kind = { case: 'http' as const, value: { port, path: '/ready' } };
    const patient = { ...QUICK, missingAfter: toDuration(600_000) };
    await apply(witness.policy('web', { healthCheck: { ...patient, kind } }));
    const before = await running('web', 'a');
    await healthOf('web', 'HEALTHY');
    await cluster.stopAgent('a', 'SIGKILL');
    await cluster.startAgent('a');
    status = 503;
    const run = await healthOf('web', 'UNHEALTHY');
    expect(run.attempts.at(-1)).toMatchObject({
      epoch: before.attempt.epoch,
      health: { detail: `GET /ready on port ${port} was answered with status 503` },
    });
    status = 200;
    await healthOf('web', 'HEALTHY');
  });
});
