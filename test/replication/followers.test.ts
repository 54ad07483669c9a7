/** Three controllers on etcd, as real processes that ask who calls: what the leader tells of followers that fall behind, until they are back. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LATE_MS } from '../../controller/replication/follower-copies.ts';
import { present } from '../../shared/assert.ts';
import type { Deviation } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { type Api, ReplicatedCluster } from './replicated-cluster.ts';

const LOCUM = join(import.meta.dirname, '../../bin/locum.js');

let made: ReplicatedCluster | undefined;
const cluster = (): ReplicatedCluster => present(made, 'a cluster');

beforeAll(async () => {
  if (etcdMissing() === undefined) made = await ReplicatedCluster.start(['c1', 'c2', 'c3'], { closed: true });
}, 120_000);
afterAll(async () => made?.stop(), 60_000);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

async function troubleOf(api: Api): Promise<ReadonlyMap<string, Deviation>> {
  const { deviations } = await api.cluster.getStatus({}, { timeoutMs: 5_000 });
  const ofControllers = deviations.filter(({ resource }) => resource.startsWith('controllers/'));
  return new Map(ofControllers.map((deviation) => [deviation.resource, deviation]));
}

const allAreCurrent = (api: Api) => async () => {
  const { controllers } = await api.cluster.listControllers({}, { timeoutMs: 5_000 });
  const ages = controllers.flatMap(({ copyAsOfTime }) =>
    copyAsOfTime ? [Date.now() - timestampMs(copyAsOfTime)] : [],
  );
  return ages.length === 2 && Math.max(...ages) < LATE_MS ? true : undefined;
};

async function copyAges(leader: string): Promise<ReadonlyMap<string, number>> {
  const headers = { authorization: `Bearer ${cluster().localToken(leader)}` };
  const page = await (await fetch(`http://${cluster().addressOf(leader)}/metrics`, { headers })).text();
  const found = page.matchAll(/^locum_follower_copy_age_seconds\{controller="(\w+)"\} (\S+)$/gm);
  return new Map([...found].map(([, id = '', seconds]) => [id, Number(seconds)]));
}

async function said(leader: string): Promise<string> {
  const env = { ...process.env, LOCUM_TOKEN: cluster().localToken(leader), NO_COLOR: '1' };
  const argv = [LOCUM, '--address', cluster().addressOf(leader), 'status'];
  return (await promisify(execFile)(process.execPath, argv, { env })).stdout;
}

test('a follower that is cut off from etcd and one that hangs are told with since when, and no longer once they are back', async () => {
  const { id: leader } = await cluster().leader();
  const [cutOff = '', hung = ''] = cluster().controllers.filter((id) => id !== leader);
  const api = cluster().apiOf(leader);
  await cluster().until('both followers have reported', allAreCurrent(api));
  expect([...(await troubleOf(api)).keys()]).toEqual([]);

  const cutWall = Date.now();
  cluster().links.cutEtcd(cutOff);
  cluster().controller(hung).signal('SIGSTOP');
  await api.policies.createPolicy({ policy: cluster().witness.brief('unseen') });
  const behind = await cluster().until('the one that is cut off is told', async () => {
    const found = (await troubleOf(api)).get(`controllers/${cutOff}`);
    return found?.reason === 'FOLLOWER_BEHIND' ? found : undefined;
  });
  expect(behind.command).toBe('locum controllers');
  expect(behind.message).toMatch(/^its copy of the store lacks \d+ revisions?.*; the store does not answer it: /);
  // It was whole when it reported last, or until the first commit that it lacks.
  const sinceMs = timestampMs(present(behind.sinceTime, 'since when')) - cutWall;
  expect(Math.abs(sinceMs)).toBeLessThan(LATE_MS / 2);
  expect((await copyAges(leader)).get(cutOff)).toBeGreaterThanOrEqual(LATE_MS / 1_000);
  // Its lease in the store has ended, and nobody hears of it.
  await cluster().until('the one that hangs is told', async () => (await troubleOf(api)).get(`controllers/${hung}`));
  expect(await said(leader)).toMatch(new RegExp(`controllers/${cutOff}.*FOLLOWER_BEHIND`));

  cluster().links.heal(cutOff);
  cluster().controller(hung).signal('SIGCONT');
  await cluster().until('all is well', async () => ((await troubleOf(api)).size === 0 ? true : undefined));
  await cluster().until('both copies are current', allAreCurrent(api));
  expect([...(await copyAges(leader)).keys()].sort()).toEqual([cutOff, hung].sort());
}, 120_000);
