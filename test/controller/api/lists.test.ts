import { describe, expect, it } from 'vitest';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

/** Reads all pages. */
async function pagesOf<T>(read: (pageToken: string) => Promise<{ items: T[]; nextPageToken: string }>): Promise<T[][]> {
  const pages: T[][] = [];
  let token = '';
  do {
    const { items, nextPageToken } = await read(token);
    pages.push(items);
    token = nextPageToken;
  } while (token !== '');
  return pages;
}

describe('lists', () => {
  it(
    'come in pages that together are the whole, each once, although things come and go between them',
    inWorld(async ({ api: { policies } }) => {
      const names = Array.from({ length: 7 }, (_, i) => `policies/p${i}`);
      for (const name of names) await policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
      const pages = await pagesOf(async (pageToken) => {
        const page = await policies.listPolicies({ pageSize: 3, pageToken });
        // The one that the next page would begin behind is deleted meanwhile.
        if (pageToken === '') await policies.deletePolicy({ name: 'policies/p2' });
        return { items: page.policies.map(({ name }) => name), nextPageToken: page.nextPageToken };
      });
      expect(pages).toEqual([names.slice(0, 3), names.slice(3, 6), names.slice(6)]);
    }),
  );

  it(
    'of servers go by rank, and go on behind the last one wherever it stands now',
    inWorld(async (world) => {
      const { servers } = world.api;
      for (const id of ['a', 'b', 'c', 'd']) await world.liveAgent(id);
      const pages = await pagesOf(async (pageToken) => {
        const page = await servers.listServers({ pageSize: 2, pageToken });
        if (pageToken === '') await servers.demoteServer({ name: 'servers/c' });
        return { items: page.servers.map(({ name }) => name), nextPageToken: page.nextPageToken };
      });
      expect(pages.flat()).toEqual(['servers/a', 'servers/b', 'servers/d', 'servers/c']);
    }),
  );

  it(
    'of events go from the newest to the oldest',
    inWorld(async ({ api: { policies, events } }) => {
      for (let i = 0; i < 5; i += 1) {
        await policies.createPolicy({ policy: { name: `policies/p${i}`, workload, trigger: onDemand } });
      }
      const pages = await pagesOf(async (pageToken) => {
        const page = await events.listEvents({ pageSize: 4, pageToken });
        return {
          items: page.events.map(({ name }) => Number(name.slice('events/'.length))),
          nextPageToken: page.nextPageToken,
        };
      });
      const numbers = pages.flat();
      expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
      expect(numbers.at(-1)).toBe(1);
    }),
  );

  it(
    'take a size that is too big as the biggest one, and refuse a negative one',
    inWorld(async ({ api: { policies } }) => {
      expect((await policies.listPolicies({ pageSize: 2_000_000 })).policies).toEqual([]);
      expect((await errorOf(policies.listPolicies({ pageSize: -1 })))?.reason).toBe('INVALID_FIELD');
    }),
  );

  it(
    'refuse a token that is not theirs, or that belongs to other arguments',
    inWorld(async ({ api: { policies, pools, events } }) => {
      for (const name of ['policies/a', 'policies/b']) {
        await policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
      }
      const { nextPageToken } = await policies.listPolicies({ pageSize: 1 });
      expect(nextPageToken).not.toBe('');
      const calls = [
        policies.listPolicies({ pageToken: nextPageToken, pool: 'pools/default' }),
        pools.listPools({ pageToken: nextPageToken }),
        events.listEvents({ pageToken: nextPageToken }),
        policies.listPolicies({ pageToken: 'nonsense' }),
        policies.listPolicies({ pageToken: Buffer.from('["a",7]').toString('base64url') }),
      ];
      for (const call of calls) {
        const error = await errorOf(call);
        expect(error).toMatchObject({ reason: 'PAGE_TOKEN_INVALID', code: 'INVALID_ARGUMENT' });
      }
      const again = await policies.listPolicies({ pageSize: 5, pageToken: nextPageToken });
      expect(again.policies.map(({ name }) => name)).toEqual(['policies/b']);
    }),
  );
});
