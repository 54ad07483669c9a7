import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { killProcess, processesOf } from '../../cli/dev/host-processes.ts';
import { LocalCluster } from '../../cli/dev/local-cluster.ts';
import { missingAfterMs } from '../../cli/dev/scaled-timers.ts';
import { MissedRun, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';
import { isAlive } from './process-liveness.ts';

const TEST_TIMEOUT_MS = 90_000;

describe('processes that are killed and started again', () => {
  // The default timers: what is restarted on a busy machine of two cores must be back within the lease.
  const fixture = useCluster(['a', 'b'], 1);

  it('controller, kill -9: stops nothing, moves nothing, and has every acknowledged change', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, witness, apply, running, policies, servers, events } = fixture();
    await apply(witness.policy('steady'));
    const before = await running('steady', 'a');
    // Acknowledged the moment before.
    await apply(witness.policy('late', { requirements: ['never'] }));
    await cluster.stopController('SIGKILL');
    await cluster.startController();
    expect((await policies.getPolicy({ name: 'policies/late' })).policy?.requirements).toEqual(['never']);
    await eventually('both agents are back', async () => {
      const { servers: found } = await servers.listServers({});
      return found.every(({ connected, available }) => connected && available) ? found : undefined;
    });
    const told = (await events.listEvents({ about: before.run.name })).events.map(({ type }) => type);
    expect(told.toReversed()).toEqual(['RUN_CREATED', 'RUN_ASSIGNED', 'RUN_RUNNING']);
    const after = await running('steady', 'a');
    // Until its agent has told when it started, the time of the answer is shown.
    expect({ ...after.attempt, startTime: undefined }).toEqual({ ...before.attempt, startTime: undefined });
    expect(isAlive(before.attempt.pid)).toBe(true);
    expect(witness.of(before.run.name.slice('runs/'.length))).toHaveLength(1);
  });

  it('agent, kill -9 within the lease: the same process, the same attempt', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster, running, servers } = fixture();
    const before = await running('steady', 'a');
    await cluster.stopAgent('a', 'SIGKILL');
    await cluster.startAgent('a');
    expect((await servers.getServer({ name: 'servers/a' })).server?.liveness).toBe(Liveness.ALIVE);
    const after = await running('steady', 'a');
    expect(after.attempt.pid).toBe(before.attempt.pid);
    expect(after.attempt.epoch).toBe(before.attempt.epoch);
    expect(isAlive(after.attempt.pid)).toBe(true);
  });

  it('agent, SIGTERM: leaves its runs to the keeper, and carries on with them', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, running } = fixture();
    const before = await running('steady', 'a');
    await cluster.stopAgent('a', 'SIGTERM');
    expect(isAlive(before.attempt.pid)).toBe(true);
    await cluster.startAgent('a');
    const after = await running('steady', 'a');
    expect(after.attempt.pid).toBe(before.attempt.pid);
    expect(after.run.attemptCount).toBe(before.run.attemptCount);
  });

  it('agent that leaves: its work moves at once, without waiting', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster, running, servers } = fixture();
    await running('steady', 'a');
    const startMs = performance.now();
    const left = await runLocum(cluster.address, ['agent', 'leave', '--state-dir', cluster.stateDir('a')]);
    expect(left).toMatchObject({ code: 0 });
    await running('steady', 'b');
    expect(performance.now() - startMs).toBeLessThan(missingAfterMs(1));
    const server = await eventually('a has left', async () => {
      const found = (await servers.getServer({ name: 'servers/a' })).server;
      return found?.liveness === Liveness.LEFT ? found : undefined;
    });
    expect(server.runs).toEqual([]);
    await eventually('nothing of a is left', async () =>
      processesOf(cluster.stateDir('a')).length === 0 ? true : undefined,
    );
  });

  it('keeper, kill -9: the agent kills what it held, and the run starts again with a higher epoch', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, running } = fixture();
    const before = await running('steady', 'b');
    killProcess(cluster.keeperPid('b') ?? 0);
    const after = await eventually('the run is back', async () => {
      const { run, attempt } = await running('steady');
      return attempt.epoch > before.attempt.epoch ? { run, attempt } : undefined;
    });
    expect(isAlive(before.attempt.pid)).toBe(false);
    expect(after.run.name).toBe(before.run.name);
  });

  it('a second agent of the same server: refused, and told in the event log', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, events, servers } = fixture();
    const twin = new LocalCluster({ dataDir: join(cluster.dataDir, 'twin'), apiPort: 1, agentPort: cluster.agentPort });
    twin.spawnAgent('b', ['--machine-id', 'another-machine']);
    try {
      await eventually('the twin is noticed', async () => {
        const told = await events.listEvents({ type: 'DUPLICATE_IDENTITY' });
        return told.events.length > 0 ? told : undefined;
      });
      const changed = await events.listEvents({ type: 'SERVER_IDENTITY_CHANGED', about: 'servers/b' });
      expect(changed.events).toEqual([]);
      // What would let the twin pass for b is told to nobody.
      expect((await servers.getServer({ name: 'servers/b' })).server).toMatchObject({ instanceId: '', machineId: '' });
    } finally {
      await twin.stop();
    }
  });

  it('a schedule: fires once for each tick, also across a restart of the controller', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, apply, runs, policies } = fixture();
    const trigger = { kind: { case: 'schedule', value: { cron: '* * * * * *', missed: MissedRun.ONCE } } } as const;
    const workload = { kind: { case: 'script', value: { text: 'exit 0' } } } as const;
    await apply(create(PolicySchema, { name: 'policies/ticking', trigger, workload, maxConcurrentRuns: 20 }));
    const ended = async () => (await runs.listRuns({ policy: 'policies/ticking', includeEnded: true })).runs;
    await eventually('it has fired twice', async () => ((await ended()).length >= 2 ? true : undefined));
    await cluster.stopController('SIGKILL');
    await cluster.startController();
    const before = (await ended()).length;
    await eventually('it fires again', async () => ((await ended()).length >= before + 2 ? true : undefined));
    await policies.pausePolicy({ name: 'policies/ticking' });
    const seconds = (await ended()).map(({ createTime }) => createTime?.seconds);
    // Two in one second can only be the missed ones, made up for by one run, beside the tick of that second.
    expect(seconds.length - new Set(seconds).size).toBeLessThanOrEqual(1);
  });

  it('never had two living processes of one run', () => {
    expect(
      fixture()
        .witness.all()
        .filter(({ what }) => what === 'overlap'),
    ).toEqual([]);
  });
});
