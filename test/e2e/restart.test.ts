import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { killProcess, processesOf } from '../../cli/dev/host-processes.ts';
import { LocalCluster } from '../../cli/dev/local-cluster.ts';
import { missingAfterMs } from '../../cli/dev/scaled-timers.ts';
import { MissedRun, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 60_000;
/** Starting a controller on a busy machine takes more than the two seconds that a tenth of the lease would be. */
const TIMERS = 0.2;
/** As long as a takeover would take, and a little more: what was to happen has happened by then. */
const LONG_ENOUGH_MS = missingAfterMs(TIMERS) + 500;

const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
};

describe('processes that are killed and started again', () => {
  const fixture = useCluster(['a', 'b'], TIMERS);

  it('controller, kill -9: stops nothing, moves nothing, and has every acknowledged change', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, witness, apply, running, policies } = fixture();
    await apply(witness.policy('steady'));
    const before = await running('steady', 'a');
    // Acknowledged the moment before.
    await apply(witness.policy('late', { requirements: ['never'] }));
    await cluster.stopController('SIGKILL');
    await cluster.startController();
    expect((await policies.getPolicy({ name: 'policies/late' })).policy?.requirements).toEqual(['never']);
    await sleep(LONG_ENOUGH_MS);
    const after = await running('steady', 'a');
    expect(after.attempt).toEqual(before.attempt);
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

  it('agent that does not come back: its keeper stops the policy at the end of the lease, the next server takes over', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, running } = fixture();
    const before = await running('steady', 'a');
    await cluster.stopAgent('a', 'SIGKILL');
    const after = await running('steady', 'b');
    expect(isAlive(before.attempt.pid)).toBe(false);
    expect(after.run.name).toBe(before.run.name);
    await cluster.startAgent('a');
    expect((await running('steady', 'b')).attempt.epoch).toBe(after.attempt.epoch);
  });

  it('agent that leaves: its work moves at once, without waiting', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster, running, servers } = fixture();
    await running('steady', 'b');
    const startMs = performance.now();
    const left = await runLocum(cluster.address, ['agent', 'leave', '--state-dir', cluster.stateDir('b')]);
    expect(left).toMatchObject({ code: 0 });
    await running('steady', 'a');
    expect(performance.now() - startMs).toBeLessThan(missingAfterMs(TIMERS));
    const server = await eventually('b has left', async () => {
      const found = (await servers.getServer({ name: 'servers/b' })).server;
      return found?.liveness === Liveness.LEFT ? found : undefined;
    });
    expect(server.runs).toEqual([]);
    await eventually('nothing of b is left', async () =>
      processesOf(cluster.stateDir('b')).length === 0 ? true : undefined,
    );
  });

  it('keeper, kill -9: the agent kills what it held, and the run starts again with a higher epoch', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, running } = fixture();
    const before = await running('steady', 'a');
    killProcess(cluster.keeperPid('a') ?? 0);
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
    twin.spawnAgent('a', ['--machine-id', 'another-machine']);
    try {
      await eventually('the twin is noticed', async () => {
        const told = await events.listEvents({ type: 'DUPLICATE_IDENTITY' });
        return told.events.length > 0 ? told : undefined;
      });
      expect((await servers.getServer({ name: 'servers/a' })).server?.machineId).toBe('dev-a');
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
