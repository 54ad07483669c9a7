import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../shared/limits.ts';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';
import { ControllerWorld } from './controller-world.ts';
import { LargeCluster } from './large-cluster.ts';

const SETUP_TIMEOUT_MS = 180_000;
const TEST_TIMEOUT_MS = 60_000;

/** `npm run bench -- scale` prints how long each takes. */
describe('of 5,000 policies on 200 servers', () => {
  let world: ControllerWorld;
  let cluster: LargeCluster;
  beforeAll(async () => {
    world = await ControllerWorld.start({ timers: DEFAULT_TIMERS });
    const { apiAddress, agentAddress } = world.controller;
    const { heartbeatMs } = DEFAULT_TIMERS;
    cluster = new LargeCluster({ apiAddress, agentAddress, policies: 5_000, servers: 200, heartbeatMs });
    await cluster.fill();
  }, SETUP_TIMEOUT_MS);
  afterAll(async () => {
    cluster.close();
    await world.dispose();
  }, SETUP_TIMEOUT_MS);

  it('every list, status and plan is an answer that clients take', { timeout: TEST_TIMEOUT_MS }, async () => {
    const sizes = new Map<string, number>();
    for (const { what, ask } of cluster.questions()) {
      await ask();
      sizes.set(what, cluster.takeLargestBytes());
    }
    const tooLarge = [...sizes].filter(([, bytes]) => bytes > LIMITS.answerBytes);
    expect(tooLarge).toEqual([]);
    // They were about all of it: what is large is large.
    expect(sizes.get('ListPolicies, all pages')).toBeGreaterThan(LIMITS.pageBytes / 2);
    expect(sizes.get('plan: half of the servers lost')).toBeGreaterThan(10_000);
  });

  it('lists have everything, page after page', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { policies, servers, runs } = cluster.api;
    const all = async (read: (pageToken: string) => Promise<{ nextPageToken: string; names: string[] }>) => {
      const names = new Set<string>();
      let pages = 0;
      for (let token = ''; pages === 0 || token !== ''; pages += 1) {
        const page = await read(token);
        for (const name of page.names) names.add(name);
        token = page.nextPageToken;
      }
      return names.size;
    };
    const namesOf = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
    expect(
      await all(async (pageToken) => {
        const page = await policies.listPolicies({ pageToken });
        return { ...page, names: namesOf(page.policies) };
      }),
    ).toBe(5_000);
    expect(
      await all(async (pageToken) => {
        const page = await servers.listServers({ pageToken });
        return { ...page, names: namesOf(page.servers) };
      }),
    ).toBe(200);
    expect(
      await all(async (pageToken) => {
        const page = await runs.listRuns({ pageToken });
        return { ...page, names: namesOf(page.runs) };
      }),
    ).toBe(5_000);
    expect(world.fatal).toEqual([]);
  });
});
