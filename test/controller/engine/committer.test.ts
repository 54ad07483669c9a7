import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RecordWrite } from '../../../controller/core/cluster/effect.ts';
import { newMeta } from '../../../controller/core/records/meta.ts';
import { systemAgenda } from '../../../controller/engine/agenda.ts';
import { Committer, type CommitterOptions } from '../../../controller/engine/committer.ts';
import { type CommitOutcome, StoreError } from '../../../controller/store/store.ts';
import { FailingStore } from './failing-store.ts';

const write = (number: number): RecordWrite => ({
  kind: 'put',
  key: 'meta',
  record: { ...newMeta(0), lastEpoch: number },
});

async function world(more: Partial<CommitterOptions> = {}) {
  const store = new FailingStore();
  const { term } = await store.campaign('test', new AbortController().signal);
  const said: string[] = [];
  const committer = new Committer({
    store,
    term,
    mono: () => Date.now(),
    agenda: systemAgenda,
    owner: {
      committed: ({ number }) => said.push(`committed ${number}`),
      verified: (check) => said.push(`verified ${check}`),
      deposed: (detail) => said.push(`deposed: ${detail}`),
      refused: (detail) => said.push(`refused: ${detail}`),
      trouble: (trouble) => said.push(`trouble ${trouble?.reason ?? 'over'}`),
    },
    ...more,
  });
  const persist = (number: number): void => committer.persist(number, [write(number)]);
  return { store, committer, persist, said };
}

const full: CommitOutcome = { kind: 'failed', reason: 'STORE_FULL', detail: 'disk full' };
const unknown: CommitOutcome = { kind: 'unknown', detail: 'no answer' };
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('commits', () => {
  it('reach the store one by one and in order', async () => {
    const { store, persist, said } = await world();
    persist(1);
    persist(2);
    persist(3);
    await pass(0);
    expect(store.commits).toEqual([1, 2, 3]);
    expect(said).toEqual(['committed 1', 'committed 2', 'committed 3']);
  });

  it('hold the records as they were when they were handed over', async () => {
    const { store, committer } = await world();
    const record = {
      kind: 'meta' as const,
      lastEpoch: 1,
      lastRun: 0,
      lastEvent: 0,
      lastEventBefore: 0,
      lastUid: 0,
      droppedEvent: 0,
      age: 0,
    };
    committer.persist(1, [{ kind: 'put', key: 'meta', record }]);
    record.lastEpoch = 2;
    await pass(0);
    const { records } = await store.load();
    const { decodeRecord } = await import('../../../controller/codec/record.ts');
    expect(decodeRecord('meta', records[0]?.value ?? new Uint8Array())).toMatchObject({ lastEpoch: 1 });
  });

  it('that find the store full are repeated until there is space, and keep their order', async () => {
    const { store, committer, persist, said } = await world();
    store.plan.push(full, full, full);
    persist(1);
    persist(2);
    await pass(0);
    expect(said).toEqual(['trouble STORE_FULL']);
    expect(committer.trouble?.detail).toBe('disk full');
    await pass(5_000);
    expect(store.commits).toEqual([1, 1, 1, 1, 2]);
    expect(said).toEqual(['trouble STORE_FULL', 'trouble over', 'committed 1', 'committed 2']);
  });

  it('while stuck do not keep the term from being verified', async () => {
    const { store, committer, persist, said } = await world();
    store.plan.push(...Array.from({ length: 100 }, () => full));
    persist(1);
    committer.verify(1);
    await pass(1_000);
    expect(said).toContain('verified 1');
  });

  it('with an unknown outcome that are in the store count as made', async () => {
    const { store, persist, said } = await world();
    store.plan.push(unknown);
    store.last = async () => 1;
    persist(1);
    await pass(0);
    expect(store.commits).toEqual([1]);
    expect(said.at(-1)).toBe('committed 1');
  });

  it('with an unknown outcome that are not in the store are made again', async () => {
    const { store, persist, said } = await world();
    store.plan.push(unknown);
    persist(1);
    await pass(1_000);
    expect(store.commits).toEqual([1, 1]);
    expect(said.at(-1)).toBe('committed 1');
  });

  it('with an unknown outcome wait for the store to say, and end the term when it is over', async () => {
    const { store, persist, said } = await world();
    store.plan.push(unknown);
    let asked = 0;
    store.last = async () => {
      asked += 1;
      throw new StoreError(asked < 3 ? 'STORE_UNAVAILABLE' : 'TERM_OVER', 'another one leads');
    };
    persist(1);
    await pass(5_000);
    expect(asked).toBe(3);
    expect(said).toEqual(['trouble STORE_UNAVAILABLE', 'deposed: another one leads']);
  });

  it('of a term that is over depose, and nothing is committed after that', async () => {
    const { store, persist, said } = await world();
    await store.resign();
    persist(1);
    persist(2);
    await pass(5_000);
    expect(store.commits).toEqual([1]);
    expect(said).toEqual([expect.stringContaining('deposed: ')]);
  });
});

describe('what waits for the store', () => {
  it('is told in records, bytes and time', async () => {
    const { store, committer, persist } = await world();
    expect(committer.underWay).toEqual({ records: 0, bytes: 0, sinceMono: undefined });
    store.plan.push(full);
    const since = Date.now();
    persist(1);
    await pass(100);
    persist(2);
    const { records, bytes, sinceMono } = committer.underWay;
    expect([records, bytes > 0, sinceMono]).toEqual([2, true, since]);
    await pass(1_000);
    expect(committer.underWay).toEqual({ records: 0, bytes: 0, sinceMono: undefined });
  });

  it('without an answer for 2 s is trouble, until there is one', async () => {
    const { store, persist, said } = await world();
    const answer = Promise.withResolvers<CommitOutcome>();
    store.commit = () => answer.promise;
    persist(1);
    await pass(1_990);
    expect(said).toEqual([]);
    await pass(20);
    expect(said).toEqual(['trouble STORE_UNAVAILABLE']);
    answer.resolve({ kind: 'committed', revision: 7 });
    await pass(0);
    expect(said).toEqual(['trouble STORE_UNAVAILABLE', 'trouble over', 'committed 1']);
  });

  it('and can never be stored ends everything: nothing behind it is committed', async () => {
    const { store, persist, said } = await world();
    store.plan.push({ kind: 'refused', detail: 'policies/x would be too large' });
    persist(1);
    persist(2);
    await pass(5_000);
    expect(store.commits).toEqual([1]);
    expect(said).toEqual(['refused: policies/x would be too large']);
  });
});

describe('checks of the term', () => {
  it('are repeated while the store does not answer', async () => {
    const { store, committer, said } = await world();
    store.verifications = [new Error('no answer'), new Error('no answer')];
    committer.verify(7);
    await pass(2_000);
    expect(said).toEqual(['verified 7']);
  });

  it('that fail depose', async () => {
    const { store, committer, said } = await world();
    store.verifications = [false];
    committer.verify(7);
    await pass(0);
    expect(said).toEqual([expect.stringContaining('deposed: ')]);
  });
});
