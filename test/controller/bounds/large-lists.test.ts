import { describe, expect, it } from 'vitest';
import { readPages } from '../../../sdk/typescript/pages.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { inWorld } from '../controller-world.ts';

const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

describe('lists of large resources', () => {
  it(
    'are read to their end, page by page: 40 policies with the longest script',
    inWorld(async (world) => {
      const { policies } = world.api;
      const text = 'x'.repeat(LIMITS.scriptBytes);
      const names = Array.from({ length: 40 }, (_, i) => `policies/long-${String(i).padStart(2, '0')}`);
      for (const name of names) {
        const workload = { kind: { case: 'script' as const, value: { text } } };
        await policies.createPolicy({ policy: { name, workload, trigger: onDemand } });
      }
      const pages = await readPages((pageToken) => policies.listPolicies({ pageSize: 1_000, pageToken }));
      expect(pages.flatMap((page) => page.policies.map(({ name }) => name))).toEqual(names);
      expect(pages.length).toBeGreaterThan(5);
      // As JSON, too, where each page is larger.
      const answer = await fetch(`http://${world.controller.apiAddress}/locum.v1.PolicyService/ListPolicies`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"pageSize": 1000}',
      });
      expect(answer.status).toBe(200);
      const watched: string[] = [];
      for await (const item of policies.watchPolicies({})) {
        if (item.change.case === 'policy') watched.push(item.change.value.name);
        if (item.snapshotEnd) break;
      }
      expect(watched).toEqual(names);
    }),
    60_000,
  );

  it(
    'have no page for the workload that fits no message to an agent: it is refused with the part that is too large',
    inWorld(async ({ api: { policies } }) => {
      const env = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`V${i}`, 'x'.repeat(32_000)]));
      const script = { kind: { case: 'script' as const, value: { text: 'echo hello' } } };
      const call = policies.createPolicy({
        policy: { name: 'policies/big-env', workload: { ...script, env }, trigger: onDemand },
      });
      await expect(call).rejects.toThrow(/policy\.workload\.env: the workload is 288\d+ bytes/);
      expect((await policies.listPolicies({})).policies).toEqual([]);
    }),
  );
});

describe('snapshots', () => {
  it(
    'are saved by a few at once, for each holds a copy of everything until it is read',
    inWorld(async ({ api: { cluster, policies } }) => {
      const workload = { kind: { case: 'script' as const, value: { text: 'x'.repeat(LIMITS.scriptBytes) } } };
      for (let i = 0; i < 16; i += 1)
        await policies.createPolicy({ policy: { name: `policies/long-${i}`, workload, trigger: onDemand } });
      const abort = new AbortController();
      const open = () => cluster.saveSnapshot({}, { signal: abort.signal })[Symbol.asyncIterator]();
      const readers = Array.from({ length: LIMITS.snapshots }, open);
      for (const reader of readers) expect((await reader.next()).done).toBe(false);
      await expect(open().next()).rejects.toThrow(/snapshots are being saved/);
      // Read to its end, one makes room for the next.
      for (let next = await readers[0]?.next(); next?.done === false; ) next = await readers[0]?.next();
      expect((await open().next()).done).toBe(false);
      abort.abort();
    }),
  );
});
