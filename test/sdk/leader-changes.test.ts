/**
 * Three controllers on etcd: every SDK follows the same thousand events at the same time, through proxies of its own, while the lead changes
 * five times (once because the leader is killed) and each follower's connections are cut ten times.
 */

import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { present } from '../../shared/assert.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { eventually } from '../e2e/cluster-fixture.ts';
import { ReplicatedCluster } from '../replication/replicated-cluster.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { BrowserDriver } from './browser-driver.ts';
import { browserMissing, PAGE_HOST } from './chromium.ts';
import { type CuttingProxy, startCuttingProxy } from './conformance-proxies.ts';
import type { SdkDriver } from './driver.ts';
import { provideJava } from './java-toolchain.ts';
import { eventsAbout } from './logged-events.ts';
import { nodeDriver } from './node-driver.ts';
import { runOnce } from './run-once.ts';
import { provideRust } from './rust-toolchain.ts';
import { type Provided, provideGo, providePython, providePythonAsyncio } from './toolchains.ts';

const CHANGES = 1_000;
const EVERY_CUT = 100;
const EVERY_LEADER = 200;
const KILLED_AT = 500;
const NAME = 'policies/followed';
const LANGUAGES: Readonly<Record<string, () => Provided>> = {
  TypeScript: () => ({ start: () => nodeDriver }),
  'TypeScript, in a browser': () => {
    const missing = browserMissing();
    return missing === undefined ? { start: () => new BrowserDriver() } : { missing };
  },
  Python: providePython,
  'Python, with asyncio': providePythonAsyncio,
  Go: provideGo,
  Java: provideJava,
  Rust: provideRust,
};

interface Follower {
  readonly language: string;
  readonly seen: string[];
  readonly proxies: readonly CuttingProxy[];
  readonly end: () => Promise<void>;
}

const connectionsOf = ({ proxies }: Follower): number =>
  proxies.reduce((sum, { connections }) => sum + connections(), 0);

describe('a thousand events over five leaders and ten cuts', () => {
  let cluster: ReplicatedCluster | undefined;
  const drivers = new Map<string, SdkDriver>();
  const missing = new Map<string, string>();

  beforeAll(async () => {
    if (etcdMissing() !== undefined) return;
    for (const [language, provide] of Object.entries(LANGUAGES)) {
      const provided = provide();
      if (provided.missing !== undefined) missing.set(language, provided.missing);
      else drivers.set(language, present(provided.start, `a driver of ${language}`)());
    }
    cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3'], { config: `allowed_hosts: [${PAGE_HOST}]\n` });
  }, 400_000);
  afterAll(async () => {
    for (const driver of drivers.values()) await driver.stop();
    await cluster?.stop();
  }, 60_000);

  async function follow(language: string, driver: SdkDriver, after: bigint): Promise<Follower> {
    const all = present(cluster, 'a cluster');
    const proxies = await Promise.all(all.controllers.map((id) => startCuttingProxy(all.addressOf(id))));
    const client = await driver.connect({ addresses: proxies.map(({ address }) => address), timeoutMs: 20_000 });
    const seen: string[] = [];
    const end = await client.follow(NAME, after, (name) => seen.push(name));
    return {
      language,
      seen,
      proxies,
      end: async () => {
        await end();
        await client.close();
      },
    };
  }

  async function changeLeader(all: ReplicatedCluster, kill: boolean): Promise<void> {
    const { id, term } = await all.leader();
    if (kill) {
      all.controller(id).signal('SIGKILL');
      await all.until('the killed one is gone', async () => (all.has(id) ? undefined : true));
    }
    await all.until('another one leads', async () => {
      const next = await all.leader();
      if (next.term > term) return true;
      // When its answer is lost, another one leads already: so each round looks first.
      if (!kill) await all.api.cluster.transferLeadership({ term: BigInt(term) });
      return undefined;
    });
    if (!kill) return;
    all.startController(id);
    await all.allControllers();
  }

  async function cut(followers: readonly Follower[], made: number): Promise<void> {
    for (const follower of followers) {
      await eventually(`${follower.language} has seen all so far`, async () =>
        follower.seen.length >= made ? true : undefined,
      );
      const before = connectionsOf(follower);
      for (const proxy of follower.proxies) proxy.cut();
      await eventually(`${follower.language} is back`, async () =>
        connectionsOf(follower) > before ? true : undefined,
      );
    }
  }

  it('are told once each, in order, by the SDK of every language', async (ctx) => {
    const noEtcd = etcdMissing();
    if (noEtcd !== undefined) ctx.skip(noEtcd);
    for (const [language, why] of missing) console.log(`without ${language}: ${why}`);
    const all = present(cluster, 'a cluster');
    const { policies, transport } = all.api;
    const events = createClient(EventService, transport);
    await policies.createPolicy(runOnce('followed', ['true']));
    const { position: after } = await events.listEvents({ pageSize: 1 });
    const followers = await Promise.all([...drivers].map(([language, driver]) => follow(language, driver, after)));
    const { term } = await all.leader();
    for (let i = 0; i < CHANGES; i += 1) {
      await (i % 2 === 0 ? policies.pausePolicy({ name: NAME }) : policies.resumePolicy({ name: NAME }));
      if (i % EVERY_CUT === EVERY_CUT / 4) await cut(followers, i + 1);
      if (i % EVERY_LEADER === EVERY_LEADER / 2) await changeLeader(all, i === KILLED_AT);
    }
    const expected = await eventsAbout(events, NAME, after);
    expect(expected).toHaveLength(CHANGES);
    expect((await all.leader()).term).toBeGreaterThanOrEqual(term + CHANGES / EVERY_LEADER);
    for (const { language, seen, end } of followers) {
      await eventually(`${language} has seen all`, async () => (seen.length >= CHANGES ? true : undefined));
      await end();
      expect({ language, seen }).toEqual({ language, seen: expected });
    }
  }, 400_000);
});
