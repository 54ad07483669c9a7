import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord } from '../../../controller/codec/record.ts';
import { stateOf } from '../../../controller/core/load.ts';
import { copyInSlices } from '../../../controller/snapshot/state-copy.ts';
import { present } from '../../../shared/assert.ts';
import { policyId } from '../../../shared/ids.ts';
import { roles, tokens, users } from '../codec/arbitrary-access.ts';
import { authorities, joinTokens, revocations } from '../codec/arbitrary-enrolment.ts';
import { aPool } from '../core/world/records.ts';
import { createPolicy, leaderTermWorld } from '../leader-term-world.ts';

const POLICIES = 5_000;

const sample = <T>(arbitrary: fc.Arbitrary<T>): T => present(fc.sample(arbitrary, { numRuns: 1, seed: 1 })[0], 'one');

describe('a copy of the whole state', () => {
  it('has who may come in, too: tokens, roles, revocations and the authority', async () => {
    const records = [
      ...[sample(joinTokens), sample(revocations), sample(authorities), sample(roles), sample(tokens), sample(users)],
      aPool(),
    ];
    const options = { version: 'test', keep: undefined, verifyIntervalMs: 0, maxCommitsInFlight: 1 };
    const elected = { kind: 'elected', term: 1, clusterId: 'c', incarnation: 1, firstOfIncarnation: false } as const;
    const schedules = () => ({ kind: 'never' }) as const;
    const state = stateOf({ ...options, schedules }, { ...elected, records }, { mono: 0, wall: 0 });
    const copied = [...(await copyInSlices(state)).records].map(([key, value]) => decodeRecord(key, value));
    for (const record of records) expect(copied).toContainEqual(record);
  });

  it('leaves turns to everybody else, and is of one moment although changes go on', async () => {
    const { leaderTerm, store } = await leaderTermWorld();
    await Promise.all(Array.from({ length: POLICIES }, (_, i) => leaderTerm.call(createPolicy(`p-${i}`))));
    let turns = 0;
    let isDone = false;
    const copying = leaderTerm.copy().finally(() => {
      isDone = true;
    });
    const remove = (id: string) =>
      leaderTerm.call({ ...createPolicy(id), request: { kind: 'delete_policy', policy: policyId(id), etag: '' } });
    // The last one is gone before it is reached, the first one after, and new ones come.
    await Promise.all([remove(`p-${POLICIES - 1}`), remove('p-0'), leaderTerm.call(createPolicy('late'))]);
    expect(isDone, 'the changes came while it was made').toBe(false);
    while (!isDone) {
      turns += 1;
      await turn();
    }
    const { records } = await copying;
    expect(turns).toBeGreaterThan(POLICIES / 500);
    const stored = (await store.load()).records;
    expect([...records.keys()].sort()).toEqual(stored.map(({ key }) => key).sort());
    for (const { key, value } of stored)
      expect(Buffer.compare(records.get(key) ?? new Uint8Array(), value), key).toBe(0);
  }, 60_000);
});
