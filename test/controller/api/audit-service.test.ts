import { describe, expect, it } from 'vitest';
import { AuditVerifier } from '../../../shared/access/audit-verifier.ts';
import { auditEntryFromProto, auditHeadFromProto } from '../../../shared/codec/audit.ts';
import type { WatchAuditResponse } from '../../../shared/gen/locum/v1/audit_service_pb.ts';
import { ACTOR_HEADER } from '../../../shared/rpc/actor-header.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { toTimestamp } from '../../../shared/rpc/time-messages.ts';
import { type Clients, inWorld } from '../controller-world.ts';

const ann = { headers: { [ACTOR_HEADER]: 'ann' } };
const bob = { headers: { [ACTOR_HEADER]: 'bob' } };
const pools = (n: number): string[] => Array.from({ length: n }, (_, i) => `pools/p${i + 1}`);

async function createPools({ pools: client }: Clients, names: readonly string[]): Promise<void> {
  for (const name of names) await client.createPool({ pool: { name } }, ann);
}

async function all(stream: AsyncIterable<WatchAuditResponse>): Promise<WatchAuditResponse[]> {
  const messages: WatchAuditResponse[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

describe('AuditService', () => {
  it(
    'tells who called which method on what, with which request and from where',
    inWorld(async ({ api }) => {
      await api.pools.createPool({ pool: { name: 'pools/a' }, requestId: 'r-1' }, ann);
      const { entries } = await api.audit.listAuditEntries({});
      expect(entries).toMatchObject([
        {
          ...{ name: 'audit/changes/1', log: 'CHANGES', kind: 'CHANGE', principal: 'operator:ann', count: 1n },
          ...{ method: 'locum.v1.PoolService/CreatePool', resource: 'pools/a', requestId: 'r-1', outcome: 'OK' },
          ...{ source: '127.0.0.1', previousHash: '', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
        },
      ]);
    }),
  );

  it(
    'lists newest first, by page, and by who, what and when',
    inWorld(async ({ api }) => {
      await createPools(api, pools(5));
      await api.pools.deletePool({ name: 'pools/p1' }, bob);
      const seen: string[] = [];
      for (let pageToken = ''; ; ) {
        const page = await api.audit.listAuditEntries({ pageSize: 4, pageToken });
        seen.push(...page.entries.map(({ name }) => name));
        pageToken = page.nextPageToken;
        if (pageToken === '') break;
      }
      expect(seen).toEqual([6, 5, 4, 3, 2, 1].map((n) => `audit/changes/${n}`));
      const found = async (filter: Parameters<typeof api.audit.listAuditEntries>[0]): Promise<string[]> =>
        (await api.audit.listAuditEntries(filter)).entries.map(({ resource }) => resource);
      expect(await found({ principal: 'operator:bob' })).toEqual(['pools/p1']);
      for (const method of ['DeletePool', 'PoolService/DeletePool', 'locum.v1.PoolService/DeletePool']) {
        expect(await found({ method }), method).toEqual(['pools/p1']);
      }
      expect(await found({ method: 'Pool' })).toEqual([]);
      expect(await found({ outcome: 'PERMISSION_DENIED' })).toEqual([]);
      expect(await found({ log: 'ACCESS' })).toEqual([]);
      expect(await found({ since: toTimestamp(Date.now() + 60_000) })).toEqual([]);
      expect(await found({ since: toTimestamp(Date.now() - 60_000) })).toHaveLength(6);
      const first = await api.audit.listAuditEntries({ pageSize: 1 });
      const other = api.audit.listAuditEntries({ method: 'X', pageToken: first.nextPageToken });
      expect(fromConnectError(await other.catch((error: unknown) => error))?.reason).toBe('PAGE_TOKEN_INVALID');
    }),
  );

  it(
    'streams all that is kept, with what verifies it, and ends',
    inWorld(async ({ api }) => {
      await createPools(api, pools(250));
      const messages = await all(api.audit.watchAudit({}));
      const heads = messages.filter(({ entry }) => entry === undefined).map((one) => one.heads.map(auditHeadFromProto));
      const verifier = new AuditVerifier(heads[0]);
      const faults = messages.flatMap(({ entry }) => (entry && verifier.add(auditEntryFromProto(entry))) ?? []);
      expect(faults).toEqual([]);
      expect(verifier.logs[0]).toMatchObject({ count: 250, first: 1 });
      expect(verifier.end(heads.at(-1) ?? [])).toBeUndefined();
      const rest = await all(api.audit.watchAudit({ afterChanges: 248n }));
      expect(rest.flatMap(({ entry }) => entry?.number ?? [])).toEqual([249n, 250n]);
    }),
  );

  it(
    'goes on with new entries when it is asked to',
    inWorld(async ({ api }) => {
      await createPools(api, ['pools/a']);
      const over = new AbortController();
      const seen: string[] = [];
      for await (const { entry } of api.audit.watchAudit({ follow: true }, { signal: over.signal })) {
        if (entry === undefined) continue;
        seen.push(entry.resource);
        if (seen.length === 3) break;
        await createPools(api, [`pools/b${seen.length}`]);
      }
      expect(seen).toEqual(['pools/a', 'pools/b1', 'pools/b2']);
    }),
  );

  it(
    'has the same chain after the controller was started again',
    inWorld(
      async (world) => {
        await createPools(world.api, pools(3));
        const before = await all(world.api.audit.watchAudit({}));
        await world.stop();
        await world.start();
        expect(await all(world.api.audit.watchAudit({}))).toEqual(before);
        await createPools(world.api, ['pools/later']);
        const [newest] = (await world.api.audit.listAuditEntries({ pageSize: 1 })).entries;
        expect(newest).toMatchObject({ number: 4n, previousHash: before.at(-1)?.heads[0]?.hash });
      },
      { store: 'sqlite' },
    ),
  );
});
