/**
 * Real processes: three members of etcd, three controllers, five agents and fifty policies, and everything that can be lost of
 * them. A size for every change; `LOCUM_REPLICATION=long` gives more rounds, a minute of idling, and the loss of a server.
 * `LOCUM_SEED` repeats an order of faults.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { READ_HEADER, STALE } from '../../controller/replication/stale-reads.ts';
import { present } from '../../shared/assert.ts';
import { FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { Prng } from '../../shared/prng.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { etcdWrites } from './etcd-writes.ts';
import { FAULT_NAMES, faults } from './faults.ts';
import { Figures } from './figures.ts';
import { ALL_REPLICAS_TIMEOUT_MS, type Api, ReplicatedCluster, TIMERS_MS, TTL_MS } from './replicated-cluster.ts';
import { Writer } from './writer.ts';

const LONG = process.env['LOCUM_REPLICATION'] === 'long';
const KILLS = LONG ? 11 : 3;
const FAULTS = LONG ? 24 : 3;
const IDLE_MS = LONG ? 60_000 : 4_000;
const POLICIES = 50;
const SERVERS = ['s1', 's2', 's3', 's4', 's5'];
const seed = Number(process.env['LOCUM_SEED'] ?? Date.now() % 1_000_000);

const figures = new Figures();
let made: ReplicatedCluster | undefined;
let writer: Writer | undefined;
const cluster = (): ReplicatedCluster => present(made, 'a cluster');

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  made = await ReplicatedCluster.start(['c1', 'c2', 'c3']);
  for (const server of SERVERS) made.startAgent(server);
  await made.allGranted();
  const { policies } = made.api;
  const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
  await policies.createPolicy({
    policy: made.witness.brief('command', { pool: 'pools/default', trigger: onDemand, maxConcurrentRuns: 20 }),
  });
  for (let i = 0; i < POLICIES; i += 1) {
    // Ten for each server, so that each has something to lose.
    const servers = [...SERVERS.slice(i % 5), ...SERVERS.slice(0, i % 5)].map((server) => `servers/${server}`);
    const policy = made.witness.lasting(`p${i}`, { pool: 'pools/default', servers });
    await policies.createPolicy({ policy });
  }
  await cluster().until('all policies run', async () => (startsOf('start') >= POLICIES ? true : undefined));
}, 120_000);

afterAll(async () => {
  await writer?.end();
  await made?.stop();
  if (made !== undefined) figures.print(`replication, seed ${seed}`);
}, 60_000);

beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

const startsOf = (what: string): number =>
  cluster()
    .witness.all()
    .filter((testimony) => testimony.run.startsWith('p') && testimony.what === what).length;

/** Starts a run; the wall time at which its process said that it began. */
async function firstCommand(api: Api = cluster().api): Promise<number> {
  const { witness } = cluster();
  const { run } = await api.policies.startPolicy({ name: 'policies/command' }, { timeoutMs: ALL_REPLICAS_TIMEOUT_MS });
  const id = present(run, 'a run').name.slice('runs/'.length);
  return (await cluster().until(`${id} begins`, async () => witness.of(id)[0])).wallMs;
}

/** Does something to the leader and measures what follows. Waits until all is well again. */
async function losing(name: string, lose: (leader: string) => Promise<void> | void): Promise<void> {
  const { id } = await cluster().leader();
  const follower = present(
    cluster().controllers.find((other) => other !== id),
    'a follower',
  );
  const api = cluster().apiOf(follower);
  await api.cluster.getStatus({});
  const atWall = Date.now();
  await lose(id);
  figures.span(`${name}: next leader's first command`, (await firstCommand(api)) - atWall);
  figures.span(`${name}: all agents granted again`, (await cluster().allGranted(atWall)) - atWall);
}

async function restart(id: string): Promise<void> {
  await cluster().controller(id).exited;
  cluster().startController(id);
  await cluster().allControllers();
}

describe('three controllers on etcd', () => {
  test('give the same answers, whichever is asked', async () => {
    const answers = await Promise.all(
      cluster().controllers.map(async (id) => {
        const { servers, policies, cluster: clusters } = cluster().apiOf(id);
        const [listed, first, status] = await Promise.all([
          servers.listServers({}),
          policies.getPolicy({ name: 'policies/p1' }),
          clusters.getStatus({}),
        ]);
        return [listed.servers.map(({ name, uid }) => [name, uid]), first.policy?.etag, status.term, status.clusterId];
      }),
    );
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  test('say the same of an epoch, from the leader and never from a copy', async () => {
    const { runs } = await cluster().api.runs.listRuns({ policy: 'policies/p1' });
    const { epoch } = present(runs[0]?.attempts[0], 'an attempt');
    const { id: leader, term } = await cluster().leader();
    for (const id of cluster().controllers) {
      const fences = createClient(FenceService, cluster().apiOf(id).transport);
      const answer = await fences.checkFence({ policy: 'policies/p1', epoch });
      expect(answer).toMatchObject({ current: true, currentEpoch: epoch, term: BigInt(term) });
      const headers = { [READ_HEADER]: STALE };
      // Less than a careful client waits before it asks again.
      const stale = fences.checkFence({ policy: 'policies/p1', epoch }, { headers, timeoutMs: 400 });
      const reason = await stale.then(
        ({ current }) => current,
        (error: unknown) => fromConnectError(error)?.reason,
      );
      expect(reason).toBe(id === leader ? true : 'NOT_LEADER');
    }
  });

  test('pass on errors as the leader made them', async () => {
    for (const id of cluster().controllers) {
      const asked = cluster().apiOf(id).policies.getPolicy({ name: 'policies/none' });
      const error = fromConnectError(await asked.catch((caught: unknown) => caught));
      expect(error).toMatchObject({ reason: 'NOT_FOUND', resource: 'policies/none' });
    }
  });

  test('give grpcurl the same answers', (ctx) => {
    if (spawnSync('grpcurl', ['-version']).error !== undefined) ctx.skip('there is no grpcurl on PATH');
    const answers = cluster().controllers.map((id) => {
      const words = ['-plaintext', '-d', '{"name":"policies/p1"}', cluster().addressOf(id)];
      const { status, stdout } = spawnSync('grpcurl', [...words, 'locum.v1.PolicyService/GetPolicy'], {
        encoding: 'utf8',
      });
      expect(status).toBe(0);
      return stdout;
    });
    expect(new Set(answers).size).toBe(1);
  });

  test('write nothing to etcd while agents only live', async () => {
    const endpoint = present(cluster().etcd.endpoints[0], 'a member');
    // What the start of the policies left to do is done by then.
    await cluster().until('etcd is quiet', async () => {
      const before = await etcdWrites(endpoint);
      await sleep(2 * TIMERS_MS.heartbeat);
      return (await etcdWrites(endpoint)) === before ? true : undefined;
    });
    const before = await etcdWrites(endpoint);
    await sleep(IDLE_MS);
    const writes = (await etcdWrites(endpoint)) - before;
    figures.count(`etcd writes of idle agents in ${IDLE_MS / 1_000} s`, writes);
    expect(writes).toBe(0);
  }, 120_000);

  test('lose a leader by kill -9', async () => {
    for (let i = 0; i < KILLS; i += 1) {
      await losing('kill -9', async (leader) => {
        cluster().controller(leader).signal('SIGKILL');
        void restart(leader).catch(() => {});
      });
      await cluster().allControllers();
    }
    expect(figures.median("kill -9: next leader's first command")).toBeLessThan(TTL_MS);
  }, 240_000);

  test('lose a leader by SIGTERM', async () => {
    await losing('SIGTERM', (leader) => {
      cluster().controller(leader).signal('SIGTERM');
      void restart(leader).catch(() => {});
    });
    await cluster().allControllers();
    expect(figures.median("SIGTERM: next leader's first command")).toBeLessThan(TTL_MS);
  }, 60_000);

  test('hand the lead over to the one that is named', async () => {
    const { id, term } = await cluster().leader();
    const next = present(
      cluster().controllers.find((other) => other !== id),
      'a follower',
    );
    const atMs = performance.now();
    const answer = await cluster().api.cluster.transferLeadership({
      controller: `controllers/${next}`,
      term: BigInt(term),
    });
    figures.span('TransferLeadership', performance.now() - atMs);
    expect(answer.controller).toBe(`controllers/${next}`);
    const again = cluster().api.cluster.transferLeadership({ term: BigInt(term) });
    expect(fromConnectError(await again.catch((error: unknown) => error))).toMatchObject({ reason: 'ETAG_MISMATCH' });
  }, 60_000);

  test('lose a leader that falls silent', async () => {
    let silent = '';
    await losing('silence', (leader) => {
      silent = leader;
      cluster().controller(leader).signal('SIGSTOP');
    });
    cluster().controller(silent).signal('SIGCONT');
    await cluster().allControllers();
    expect((await cluster().leader()).id).not.toBe(silent);
  }, 60_000);

  test(`live through faults in the order of seed ${seed}`, async () => {
    const prng = new Prng(seed);
    writer = new Writer(cluster());
    writer.begin();
    for (let i = 0; i < FAULTS; i += 1) {
      const name = present(prng.pick(FAULT_NAMES), 'a fault');
      writer.takeLongestGapMs();
      const atWall = Date.now();
      const heal = await faults[name](cluster(), prng);
      await firstCommand();
      await heal();
      figures.span(`${name}: all agents granted again`, (await cluster().allGranted(atWall)) - atWall);
      figures.span(`${name}: longest time without an acknowledged write`, writer.takeLongestGapMs());
      await cluster().allControllers();
    }
    await writer.end();
    const lost = await writer.lost();
    figures.count('acknowledged writes', writer.acknowledged);
    figures.count('acknowledged writes lost', lost.length);
    expect(lost).toEqual([]);
  }, 600_000);

  test('stop nothing, move nothing and run nothing twice meanwhile', async () => {
    const { runs } = await cluster().api.runs.listRuns({ pageSize: 500 });
    const lasting = runs.filter(({ policy }) => /^policies\/p\d+$/.test(policy));
    figures.count('policies stopped', startsOf('stop'));
    figures.count('policies moved', lasting.filter(({ attempts }) => attempts.length > 1).length);
    figures.count('overlaps', startsOf('overlap'));
    expect(lasting).toHaveLength(POLICIES);
    expect([startsOf('start'), startsOf('stop'), startsOf('overlap')]).toEqual([POLICIES, 0, 0]);
    expect(lasting.every(({ attempts }) => attempts.length === 1)).toBe(true);
  });

  test('answer STORE_UNAVAILABLE without a majority of etcd, and go on with it', async () => {
    const [, second, third] = cluster().etcd.members;
    const asked = cluster().apiOf('c1');
    await Promise.all([second?.kill(), third?.kill()]);
    const reason = await cluster().until('STORE_UNAVAILABLE', async () => {
      const refused = asked.policies.createPolicy(
        { policy: cluster().witness.brief('unwritable') },
        { timeoutMs: 3_000 },
      );
      const error = fromConnectError(await refused.catch((caught: unknown) => caught));
      return error?.reason === 'STORE_UNAVAILABLE' && (error.retryAfterMs ?? 0) > 0 ? error.reason : undefined;
    });
    const ready = await cluster().until('readyz says so', async () => {
      const answer = await fetch(`http://${cluster().addressOf('c1')}/readyz`);
      return answer.status === 503 ? answer.text() : undefined;
    });
    expect([reason, ready]).toEqual(['STORE_UNAVAILABLE', expect.stringMatching(/^no store: /)]);
    second?.start();
    third?.start();
    const atWall = Date.now();
    await firstCommand();
    figures.span('majority back: all agents granted again', (await cluster().allGranted(atWall)) - atWall);
    expect([await writer?.lost(), startsOf('overlap')]).toEqual([[], 0]);
  }, 60_000);

  test('lose the leader and a server at one moment', async (ctx) => {
    if (!LONG) ctx.skip('takes a takeover wait; LOCUM_REPLICATION=long runs it');
    const { id } = await cluster().leader();
    const { runs } = await cluster().api.runs.listRuns({ pageSize: 500 });
    const onServer = runs.filter(({ server, policy }) => server === 'servers/s1' && /^policies\/p\d+$/.test(policy));
    const before = startsOf('start');
    const atWall = Date.now();
    cluster().controller(id).signal('SIGKILL');
    await cluster().killServer('s1');
    const boundMs = TIMERS_MS.missing + TTL_MS + 2_000;
    await cluster().until('all its policies run elsewhere', async () =>
      startsOf('start') >= before + onServer.length ? true : undefined,
    );
    const lastMs = Math.max(
      ...cluster()
        .witness.all()
        .map(({ wallMs }) => wallMs),
    );
    figures.span('leader and server lost: all its policies elsewhere', lastMs - atWall);
    expect(lastMs - atWall).toBeLessThan(boundMs);
    await sleep(2_000);
    expect([startsOf('start'), startsOf('overlap')]).toEqual([before + onServer.length, 0]);
  }, 120_000);
});
