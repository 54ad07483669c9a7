/**
 * Real processes: three members of etcd, three controllers, five agents and fifty policies, and everything that can be lost of
 * them, in an order that a seed makes. A size for every change; `LOCUM_REPLICATION=long` gives more rounds, a minute of idling, and
 * the loss of a server with the default timers. `LOCUM_SEED` repeats an order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { present } from '../../shared/assert.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { testSeed } from '../seed.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { etcdWrites } from './etcd-writes.ts';
import { shuffledPack } from './faults.ts';
import { loseLeaderAndServer, onceElsewhere, REAL_POOL, SHORT_POOL } from './lost-together.ts';
import { TIMERS_MS } from './replicated-cluster.ts';
import { testSameAnswers } from './same-answers.ts';
import { POLICIES, Suite } from './suite.ts';

const LONG = process.env['LOCUM_REPLICATION'] === 'long';
const ROUNDS = LONG ? 4 : 1;
const IDLE_MS = LONG ? 60_000 : 4_000;
const seed = testSeed();

let made: Suite | undefined;
const suite = (): Suite => present(made, 'a suite');

beforeAll(async () => {
  if (etcdMissing() === undefined) made = await Suite.start(seed);
}, 120_000);

afterAll(async () => {
  await made?.stop();
  made?.figures.print(`replication, seed ${seed}`);
}, 60_000);

beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

describe('three controllers on etcd', () => {
  testSameAnswers(suite);

  test('write nothing to etcd while agents only live', async () => {
    const { cluster, figures } = suite();
    const endpoint = present(cluster.etcd.endpoints[0], 'a member');
    // What the start of the policies left to do is done by then.
    await cluster.until('etcd is quiet', async () => {
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

  test('hand the lead over to the one that is named', async () => {
    const { cluster, figures } = suite();
    const { id, term } = await cluster.leader();
    const next = present(
      cluster.controllers.find((other) => other !== id),
      'a follower',
    );
    const { cluster: clusters } = cluster.api;
    const atMs = performance.now();
    const answer = await clusters.transferLeadership({ controller: `controllers/${next}`, term: BigInt(term) });
    figures.span('TransferLeadership', performance.now() - atMs);
    expect(answer.controller).toBe(`controllers/${next}`);
    expect(await Suite.reasonOf(clusters.transferLeadership({ term: BigInt(term) }))).toBe('ETAG_MISMATCH');
  }, 60_000);

  test(`live through all faults in the order of seed ${seed}`, async () => {
    const { prng, writer } = suite();
    writer.begin();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const fault of shuffledPack(prng)) await suite().suffer(fault);
    }
    await writer.end();
    expect(writer.acknowledged).toBeGreaterThan(0);
  }, 1_200_000);

  test('lose no acknowledged write, stop nothing, move nothing and run nothing twice meanwhile', async () => {
    const { cluster, figures, writer } = suite();
    const lost = await writer.lost();
    const { runs } = await cluster.api.runs.listRuns({ pageSize: 500 });
    const lasting = runs.filter(({ policy }) => /^policies\/p\d+$/.test(policy));
    const moved = lasting.filter(({ attempts }) => attempts.length > 1);
    const [starts, stops, overlaps] = ['start', 'stop', 'overlap'].map((what) => suite().count(what));
    figures.count('acknowledged writes', writer.acknowledged);
    figures.count('acknowledged writes lost', lost.length);
    figures.count('policies stopped', stops ?? 0);
    figures.count('policies moved', moved.length);
    figures.count('overlaps', overlaps ?? 0);
    expect({ lost, moved, starts, stops, overlaps, lasting: lasting.length }).toEqual({
      ...{ lost: [], moved: [], starts: POLICIES, stops: 0, overlaps: 0, lasting: POLICIES },
    });
  });

  test('answer STORE_UNAVAILABLE without a majority of etcd, and go on with it', async () => {
    const { cluster, figures, writer } = suite();
    const [, second, third] = cluster.etcd.members;
    const asked = cluster.apiOf('c1');
    await Promise.all([second?.kill(), third?.kill()]);
    const policy = cluster.witness.brief('unwritable');
    const reason = await cluster.until('STORE_UNAVAILABLE', async () => {
      const refused = asked.policies.createPolicy({ policy }, { timeoutMs: 3_000 });
      const error = fromConnectError(await refused.catch((caught: unknown) => caught));
      return error?.reason === 'STORE_UNAVAILABLE' && (error.retryAfterMs ?? 0) > 0 ? error.reason : undefined;
    });
    const ready = await cluster.until('readyz says so', async () => {
      const answer = await fetch(`http://${cluster.addressOf('c1')}/readyz`);
      return answer.status === 503 ? answer.text() : undefined;
    });
    expect([reason, ready]).toEqual(['STORE_UNAVAILABLE', expect.stringMatching(/^no store: /)]);
    second?.start();
    third?.start();
    const atWall = Date.now();
    await suite().firstCommand();
    figures.span('majority of etcd back: all agents granted again', (await cluster.allGranted(atWall)) - atWall);
    expect([await writer.lost(), suite().count('overlap')]).toEqual([[], 0]);
  }, 60_000);

  test.for(LONG ? [SHORT_POOL, REAL_POOL] : [SHORT_POOL])(
    'lose the leader and a server at one moment: its policies run elsewhere, once ($missingAfterMs ms)',
    { timeout: 150_000 },
    async (pool) => {
      const lost = await loseLeaderAndServer(suite(), pool);
      expect(lost).toMatchObject(onceElsewhere(pool));
      expect(lost.tookMs).toBeLessThan(lost.boundMs);
    },
  );
});
