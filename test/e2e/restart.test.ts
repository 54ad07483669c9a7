import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { processesOf } from '../../cli/dev/host-processes.ts';
import { SHORT_TIMERS_MS } from '../../cli/dev/short-timers.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 40_000;
/** As long as a takeover would take, and a little more: what was to happen has happened by then. */
const LONG_ENOUGH_MS = SHORT_TIMERS_MS.missingAfter + 500;

const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
};

describe('processes that are killed and started again', () => {
  const fixture = useCluster(['a', 'b']);

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
    expect(performance.now() - startMs).toBeLessThan(SHORT_TIMERS_MS.missingAfter);
    const server = await eventually('b has left', async () => {
      const found = (await servers.getServer({ name: 'servers/b' })).server;
      return found?.liveness === Liveness.LEFT ? found : undefined;
    });
    expect(server.runs).toEqual([]);
    await eventually('nothing of b is left', async () =>
      processesOf(cluster.stateDir('b')).length === 0 ? true : undefined,
    );
  });

  it('never had two living processes of one run', () => {
    expect(
      fixture()
        .witness.all()
        .filter(({ what }) => what === 'overlap'),
    ).toEqual([]);
  });
});
