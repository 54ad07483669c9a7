import { setTimeout as sleep } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { missingAfterMs, SHORT } from '../../cli/dev/scaled-timers.ts';
import type { Testimony } from '../../demo/witness.ts';
import { Apply } from '../../shared/gen/locum/v1/pool_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { isAlive } from './process-liveness.ts';

const TEST_TIMEOUT_MS = 90_000;
/** Clocks of the controller and of `date`, in whole milliseconds. */
const READING_MS = 2;

describe('three servers with real processes', () => {
  const fixture = useCluster(['a', 'b', 'c']);
  type Running = Awaited<ReturnType<ReturnType<typeof fixture>['running']>>;

  /** What a run wrote last, up to the start of its attempt: a program runs a moment before it has written that it does. */
  const lastWords = async ({ run, attempt }: Running, count: number): Promise<readonly Testimony[]> =>
    await eventually(`${run.name} writes that it started`, async () => {
      const words = fixture().witness.of(run.name.slice('runs/'.length));
      const at = words.findLastIndex(({ what, epoch }) => what === 'start' && epoch === attempt.epoch);
      return at < 0 ? undefined : words.slice(Math.max(0, at + 1 - count), at + 1);
    });

  it('run a policy on the primary, and when its host dies on the next server, not before missing_after', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, witness, apply, running, events, runs } = fixture();
    await apply(witness.policy('orders'));
    const before = await running('orders', 'a');
    // A start counts as a grant too. After some heartbeats the last grant is that of the last heartbeat, as it nearly always is.
    await sleep(missingAfterMs(SHORT) / 3);
    await cluster.killHost('a');
    const after = await running('orders', 'b');
    expect(after.run.name).toBe(before.run.name);
    expect(after.attempt.epoch).toBeGreaterThan(before.attempt.epoch);
    const { run } = await runs.getRun({ name: after.run.name });
    expect(run?.attempts[0]?.end?.proof).toBe('waiting time');

    const told = await events.listEvents({ about: 'servers/a', type: 'SERVER_MISSING' });
    const missing = told.events[0];
    const lastHeartbeatMs =
      timestampMs(missing?.time ?? { $typeName: 'google.protobuf.Timestamp', seconds: 0n, nanos: 0 }) -
      Number(missing?.details['silence_ms']);
    const [started] = await lastWords(after, 1);
    const silentMs = (started?.wallMs ?? 0) - lastHeartbeatMs;
    expect(silentMs).toBeGreaterThanOrEqual(missingAfterMs(SHORT) - READING_MS);
    // Whoever is busy looks later; nothing else may take as long again.
    expect(silentMs).toBeLessThan(2 * missingAfterMs(SHORT));
  });

  it('give a returning host its rank back, and no work that others have', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster, running, servers } = fixture();
    await cluster.startAgent('a');
    const { server } = await servers.getServer({ name: 'servers/a' });
    expect(server?.rank).toBe(1);
    expect(server?.liveness).toBe(Liveness.ALIVE);
    expect(server?.runs).toEqual([]);
    await running('orders', 'b');
  });

  it('let the keeper of a dead agent stop the policy at the end of its lease, before the next server takes over', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, running } = fixture();
    const before = await running('orders', 'b');
    await cluster.stopAgent('b', 'SIGKILL');
    const after = await running('orders', 'a');
    expect(isAlive(before.attempt.pid)).toBe(false);
    expect(after.run.name).toBe(before.run.name);
    await cluster.startAgent('b');
    expect((await running('orders', 'a')).attempt.epoch).toBe(after.attempt.epoch);
  });

  it('let a run queue when all are full, and start it the moment a slot frees', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { witness, apply, servers, policies, runs } = fixture();
    for (const id of ['a', 'b', 'c']) {
      await servers.updateServer({
        server: { name: `servers/${id}`, maxSlots: 1 },
        updateMask: { paths: ['max_slots'] },
      });
    }
    await apply(witness.policy('batch', { trigger: { kind: { case: 'onDemand', value: {} } }, maxConcurrentRuns: 9 }));
    const start = async (): Promise<string> => (await policies.startPolicy({ name: 'policies/batch' })).run?.name ?? '';
    const [first, second, third] = [await start(), await start(), await start()];
    const get = async (name: string) => (await runs.getRun({ name })).run;
    await eventually('two runs run', async () => {
      const two = [await get(first), await get(second)];
      return two.every((run) => run?.state === RunState.RUNNING) ? two : undefined;
    });
    expect((await get(third))?.state).toBe(RunState.QUEUED);
    expect((await get(third))?.reason).toBe('NO_ROOM');
    const freed = (await get(first))?.server;
    witness.finish(first.slice('runs/'.length));
    const placed = await eventually('the queued run runs', async () => {
      const run = await get(third);
      return run?.state === RunState.RUNNING ? run : undefined;
    });
    expect(placed.server).toBe(freed);
    for (const name of [second, third]) witness.finish(name.slice('runs/'.length));
    await eventually('all have ended', async () => {
      const open = (await runs.listRuns({ policy: 'policies/batch' })).runs;
      return open.length === 0 ? open : undefined;
    });
    for (const id of ['a', 'b', 'c']) {
      await servers.updateServer({ server: { name: `servers/${id}` }, updateMask: { paths: ['max_slots'] } });
    }
  });

  it('move what runs when the order is changed with MOVE_NOW, as the dry run said', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { running, servers } = fixture();
    const request = { name: 'servers/c', apply: Apply.MOVE_NOW };
    const planned = await servers.makePrimary({ ...request, validateOnly: true });
    expect(planned.plan?.moves.map(({ policy, fromServer, toServer }) => [policy, fromServer, toServer])).toEqual([
      ['policies/orders', 'servers/a', 'servers/c'],
    ]);
    await running('orders', 'a');
    await servers.makePrimary(request);
    const words = await lastWords(await running('orders', 'c'), 2);
    expect(words.map(({ what }) => what)).toEqual(['stop', 'start']);
  });

  it('empty a server that is drained, and leave it empty', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { running, servers } = fixture();
    await servers.drainServer({ name: 'servers/c' });
    const { run } = await running('orders', 'a');
    expect(run.attempts.at(-1)?.cause).toBe('DRAIN');
    const drained = await eventually('the drain is done', async () => {
      const { server } = await servers.getServer({ name: 'servers/c' });
      return server?.drain?.done === true ? server : undefined;
    });
    expect(drained.available).toBe(false);
    await servers.uncordonServer({ name: 'servers/c' });
    expect((await servers.getServer({ name: 'servers/c' })).server?.runs).toEqual([]);
  });

  it('never had two living processes of one run', () => {
    const { witness } = fixture();
    const told = witness.all();
    expect(told.filter(({ what }) => what === 'start').length).toBeGreaterThan(5);
    expect(told.filter(({ what }) => what === 'overlap')).toEqual([]);
  });
});
