/**
 * Semantics C6, with real processes: the leader keeps etcd, and loses every agent; or every agent and the other controllers too. These
 * come in through proxies; those of the leader fall silent, with all connections open, as behind a firewall that drops.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { QUIET_MS, REST_MS } from '../../controller/replication/lonely-leader.ts';
import { present } from '../../shared/assert.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { etcdWrites } from './etcd-writes.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';

const SERVERS = ['s1', 's2'];
const POLICIES = 4;
/** The lease of 20 s outlives the silence, so nothing has to stop. */
const TIMERS_MS = { heartbeat: 1_000, suspect: 15_000, lease: 20_000, stop: 2_000, guard: 1_000, missing: 45_000 };
/** Looks once a second, an election, and a busy machine. */
const SLACK_MS = 12_000;

let made: ReplicatedCluster | undefined;

afterEach(async () => {
  await made?.stop();
}, 60_000);

async function runningCluster({ peerLinks }: { readonly peerLinks: boolean }): Promise<ReplicatedCluster> {
  const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3'], { timersMs: TIMERS_MS, peerLinks });
  made = cluster;
  for (const server of SERVERS) cluster.startAgent(server);
  await cluster.allGranted();
  for (let i = 0; i < POLICIES; i += 1) {
    const servers = i % 2 === 0 ? ['servers/s1', 'servers/s2'] : ['servers/s2', 'servers/s1'];
    await cluster.api.policies.createPolicy({
      policy: cluster.witness.lasting(`p${i}`, { pool: 'pools/default', servers }),
    });
  }
  await cluster.until('all policies run', async () => (said(cluster, 'start') === POLICIES ? true : undefined));
  return cluster;
}

const said = (cluster: ReplicatedCluster, what: string): number =>
  cluster.witness.all().filter((testimony) => testimony.what === what).length;

describe.each([
  { who: 'no agent', peersToo: false },
  { who: 'no agent and no other controller', peersToo: true },
])('a leader that $who can reach', ({ who, peersToo }) => {
  test(`hands over after ${QUIET_MS / 1_000} s, before anything stops, and stays out of the next election`, async (ctx) => {
    const missing = etcdMissing();
    if (missing !== undefined) ctx.skip(missing);
    const cluster = await runningCluster({ peerLinks: peersToo });
    const first = await cluster.leader();
    const cutMono = performance.now();
    cluster.links.cutAgents(first.id);
    if (peersToo) cluster.links.cutPeers(first.id);

    const second = await cluster.until('another one leads', async () => {
      const now = await cluster.leader();
      return now.id === first.id ? undefined : now;
    });
    const tookMs = performance.now() - cutMono;
    const grantedMs = (await cluster.allGranted(Date.now())) && performance.now() - cutMono;
    console.log(
      `C6, ${who}: next leader after ${Math.round(tookMs)} ms, all agents granted after ${Math.round(grantedMs)} ms`,
    );
    // What counts is when the last agent was heard, which was up to a heartbeat before the cut.
    expect(tookMs).toBeGreaterThan(QUIET_MS - 1.1 * TIMERS_MS.heartbeat);
    expect(tookMs).toBeLessThan(QUIET_MS + SLACK_MS);
    expect([said(cluster, 'start'), said(cluster, 'stop'), said(cluster, 'overlap')]).toEqual([POLICIES, 0, 0]);

    // Whom agents reach is left alone, and nobody writes about it any more.
    const member = present(cluster.etcd.endpoints[0], 'a member of etcd');
    await cluster.until('nobody writes any more', async () => {
      const before = await etcdWrites(member);
      await sleep(4_000);
      return (await etcdWrites(member)) === before ? true : undefined;
    });

    // The one that is cut off rests, so the third is elected, not it.
    cluster.controller(second.id).signal('SIGKILL');
    const third = await cluster.until('the third one leads', async () => {
      const now = await cluster.leader();
      return now.term > second.term ? now : undefined;
    });
    expect(performance.now() - cutMono).toBeLessThan(REST_MS);
    expect([first.id, second.id]).not.toContain(third.id);
    await cluster.allGranted(Date.now());
    expect([said(cluster, 'start'), said(cluster, 'stop'), said(cluster, 'overlap')]).toEqual([POLICIES, 0, 0]);
  }, 150_000);
});
