/** Commits whose outcome is not known at first: how the store finds out, and what it never does meanwhile. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_VALUE_BYTES } from '../../controller/store/batch.ts';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { CommitQueue } from '../../controller/store/etcd/commit-queue.ts';
import { encode, headText, Keys } from '../../controller/store/etcd/keys.ts';
import { TermWriter } from '../../controller/store/etcd/term-writer.ts';
import type { CommitOutcome, Write } from '../../controller/store/store.ts';
import { FakeEtcd } from './fake-etcd.ts';
import { batchOf, put } from './store-world.ts';

const TERM = 1_000;
const keys = new Keys('test');
const beginning = (term: number) => headText({ term, number: 0, form: 'whole' }, 1n);

/** A leader at the beginning of its term, on a member that does as it is told. */
async function begin() {
  const etcd = new FakeEtcd();
  await etcd.listen();
  const client = new EtcdClient([etcd.endpoint], {});
  onTestFinished(() => {
    client.close();
    etcd.close();
  });
  etcd.put(keys.head, beginning(TERM));
  const createRevision = etcd.put(keys.leader, encode('leader'));
  const over = new AbortController();
  const lost: string[] = [];
  const lose = (reason: string): void => {
    lost.push(reason);
    over.abort();
  };
  const of = { client, keys, term: TERM, createRevision, lease: 1n, over: over.signal, lose };
  const queue = new CommitQueue({ ...of, writer: new TermWriter({ ...of, head: beginning(TERM) }) });
  let number = 0;
  return {
    etcd,
    client,
    queue,
    lost,
    over,
    commit: (...writes: Write[]): Promise<CommitOutcome> => {
      number += 1;
      return queue.commit(batchOf(TERM, number, writes));
    },
    read: (key: string): string | undefined => etcd.get(keys.record(key)),
    /** Another leader takes over and begins its term. */
    overtake: (): void => {
      etcd.remove(keys.leader);
      etcd.put(keys.leader, encode('other'));
      etcd.put(keys.head, beginning(TERM + 1));
    },
  };
}

const committed = { kind: 'committed', revision: expect.any(Number) };

test('an answer that is lost is asked for again: committed, and written once', async () => {
  const { etcd, commit, read } = await begin();
  etcd.plan('lose');
  expect(await commit(put('a', '1'))).toEqual(committed);
  expect([etcd.done, read('a')]).toEqual([1, '1']);
});

test('a request that never arrives is sent again, as often as it takes', async () => {
  const { etcd, commit, read } = await begin();
  etcd.plan('drop', 'drop', 'busy', 'drop');
  expect(await commit(put('a', '1'))).toEqual(committed);
  expect([etcd.done, read('a')]).toEqual([1, '1']);
});

test('a head that is not where its leader left it was set back: the leadership ends, and nothing more is asked of that store', async () => {
  const { etcd, client, commit, lost } = await begin();
  expect(await commit(put('a', '1'))).toEqual(committed);
  // As a backup has it, with a leader key that still stands.
  etcd.put(keys.head, beginning(TERM));
  expect(await commit(put('a', '2'))).toMatchObject({ kind: 'deposed' });
  expect(lost).toHaveLength(1);
  expect(client.closing.reason).toMatchObject({ name: 'StoreError', reason: 'STORE_BEHIND' });
});

test('a try that is done late, after the next one and a later commit, changes nothing', async () => {
  const { etcd, commit, read } = await begin();
  etcd.plan('late');
  expect(await commit(put('a', '1'))).toEqual(committed);
  expect(await commit(put('a', '2'))).toEqual(committed);
  etcd.doLate();
  expect([etcd.done, read('a')]).toEqual([2, '2']);
});

test('a try that is done late, in the term of another leader, changes nothing', async () => {
  const { etcd, commit, read, overtake, over } = await begin();
  etcd.plan('late', 'drop', 'drop', 'drop', 'drop', 'drop', 'drop', 'drop', 'drop', 'drop');
  const sent = commit(put('a', '1'));
  await expect.poll(() => etcd.waitingLate).toBe(1);
  over.abort();
  expect(await sent).toMatchObject({ kind: 'unknown' });
  overtake();
  etcd.doLate();
  expect([etcd.done, read('a')]).toEqual([0, undefined]);
});

test('a lost answer can be told while nobody has led since', async () => {
  const { etcd, commit, lost } = await begin();
  etcd.plan('lose');
  etcd.onDone = () => etcd.remove(keys.leader);
  expect(await commit(put('a', '1'))).toEqual(committed);
  expect(await commit(put('b', '1'))).toMatchObject({ kind: 'deposed' });
  expect(lost).toHaveLength(1);
});

test('a lost answer can not be told once another leader began, and is called unknown', async () => {
  const { etcd, commit, lost, overtake } = await begin();
  etcd.plan('lose');
  etcd.onDone = overtake;
  expect(await commit(put('a', '1'))).toMatchObject({ kind: 'unknown' });
  expect(lost).toHaveLength(1);
});

test('a commit refused for its term at the first try is not unknown', async () => {
  const { commit, lost, overtake, read } = await begin();
  overtake();
  const outcomes = await Promise.all([commit(put('a', '1')), commit(put('b', '1'))]);
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(['deposed', 'deposed']);
  expect([lost.length, read('a'), read('b')]).toEqual([1, undefined, undefined]);
});

test('a full store fails what is under way and behind it, and takes the same numbers again when it has space', async () => {
  const { etcd, queue, lost, read } = await begin();
  const commit = (number: number) => queue.commit(batchOf(TERM, number, [put(`k${number}`, `${number}`)]));
  expect(await commit(1)).toEqual(committed);
  etcd.plan('full');
  const full = { kind: 'failed', reason: 'STORE_FULL', detail: expect.stringContaining('space exceeded') };
  expect(await Promise.all([commit(2), commit(3)])).toEqual([full, full]);
  expect(await commit(4)).toEqual(full);
  expect(await Promise.all([commit(2), commit(3), commit(4)])).toEqual([committed, committed, committed]);
  expect([read('k2'), read('k3'), read('k4'), lost.length]).toEqual(['2', '3', '4', 0]);
});

/** Too many for one transaction, and too large for one chunk. */
const large = (value: string): Write[] =>
  Array.from({ length: 300 }, (_, i) =>
    put(`k/${String(i).padStart(4, '0')}`, i < 2 ? value.repeat(1_000_000) : value),
  );
const firstAndLast = (read: (key: string) => string | undefined) => [read('k/0000')?.length, read('k/0299')];

describe('a commit larger than a transaction', () => {
  test('is staged, made by one transaction, and unfolded, after which nothing is left of it', async () => {
    const { etcd, queue, commit, read } = await begin();
    expect(await commit(...large('x'))).toEqual(committed);
    await queue.idle();
    expect(firstAndLast(read)).toEqual([1_000_000, 'x']);
    expect(etcd.keysBelow('test/data/staged/')).toEqual([]);
    expect(await commit(put('after', '1'))).toEqual(committed);
    expect(read('after')).toBe('1');
  });

  test('is made with its last chunk: what comes before is nothing to a reader, and nothing to the next leader', async () => {
    const { etcd, commit, read } = await begin();
    etcd.plan('answer', 'full');
    expect(await commit(...large('x'))).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
    expect(etcd.get(keys.head)).toBe(`${TERM} 0 whole by 1`);
    expect(etcd.keysBelow('test/data/staged/')).toEqual([]);
    expect(firstAndLast(read)).toEqual([undefined, undefined]);
  });

  test('that failed half-way is staged anew under the same number, under keys of its own', async () => {
    const { etcd, queue, read } = await begin();
    etcd.plan('answer', 'full');
    expect(await queue.commit(batchOf(TERM, 1, large('x')))).toMatchObject({ kind: 'failed' });
    expect(await queue.commit(batchOf(TERM, 1, large('y')))).toEqual(committed);
    await queue.idle();
    expect(firstAndLast(read)).toEqual([1_000_000, 'y']);
    expect(etcd.keysBelow('test/data/staged/')).toEqual([]);
    expect(await queue.commit(batchOf(TERM, 2, [put('after', '')]))).toEqual(committed);
  });

  test('survives lost and late answers at any of its transactions, and late ones change nothing afterwards', async () => {
    for (let at = 0; at < 5; at += 1) {
      for (const fate of ['lose', 'late', 'drop', 'busy'] as const) {
        const { etcd, queue, commit, read, lost } = await begin();
        etcd.plan(...Array.from({ length: at }, () => 'answer' as const), fate);
        expect(await commit(...large('x'))).toEqual(committed);
        await queue.idle();
        expect(await commit(put('k/0299', 'newer'))).toEqual(committed);
        etcd.doLate();
        expect([...firstAndLast(read), lost.length]).toEqual([1_000_000, 'newer', 0]);
        expect(etcd.keysBelow('test/data/staged/')).toEqual([]);
      }
    }
  });

  test('of which the unfolding found the store full is committed all the same, and unfolded before the next', async () => {
    const { etcd, queue, read, lost } = await begin();
    etcd.plan('answer', 'answer', 'full');
    expect(await queue.commit(batchOf(TERM, 1, large('x')))).toEqual(committed);
    await queue.idle();
    etcd.plan('full');
    const next = batchOf(TERM, 2, [put('k/0299', 'newer')]);
    expect(await queue.commit(next)).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
    expect(await queue.commit(next)).toEqual(committed);
    expect([...firstAndLast(read), lost.length]).toEqual([1_000_000, 'newer', 0]);
  });
});

describe('a store that is found full after a try with an unknown end', () => {
  test('is asked until there is space: the leadership goes on, and the late try changes nothing', async () => {
    const { etcd, commit, lost, read } = await begin();
    etcd.plan('late', 'full', 'answer', 'full', 'answer');
    expect(await commit(put('a', '1'))).toEqual(committed);
    expect(await commit(put('a', '2'))).toEqual(committed);
    etcd.doLate();
    expect([etcd.done, read('a'), lost.length]).toEqual([4, '2', 0]);
  });

  test('has done the late one meanwhile: committed, and written once', async () => {
    const { etcd, commit, lost, read } = await begin();
    etcd.plan('late', 'full');
    const committing = commit(put('a', '1'));
    await expect.poll(() => etcd.waitingLate, { interval: 5 }).toBe(1);
    etcd.doLate();
    expect(await committing).toEqual(committed);
    expect(await commit(put('b', '1'))).toEqual(committed);
    expect([read('a'), read('b'), lost.length]).toEqual(['1', '1', 0]);
  });

  test('or that does not say what it has done: the leadership goes on', async () => {
    const { etcd, commit, lost, read } = await begin();
    etcd.plan('full', 'drop', 'answer');
    expect(await commit(put('a', '1'))).toEqual(committed);
    expect([read('a'), lost.length]).toEqual(['1', 0]);
  });

  test('and is left for good leaves the outcome unknown', async () => {
    const { etcd, commit, over } = await begin();
    etcd.plan('late', ...Array.from({ length: 50 }, () => ['full', 'answer'] as const).flat());
    const committing = commit(put('a', '1'));
    await expect.poll(() => etcd.waitingLate, { interval: 5 }).toBe(1);
    over.abort();
    expect(await committing).toMatchObject({ kind: 'unknown' });
  });
});

test('a record that no store takes is refused, and the next commit takes its number', async () => {
  const { commit, queue, read } = await begin();
  const refused = await commit(put('big', new Uint8Array(MAX_VALUE_BYTES + 1)), put('b', ''));
  expect(refused).toMatchObject({ kind: 'refused', detail: expect.stringContaining('big would be 1048577 bytes') });
  expect(await queue.commit(batchOf(TERM, 1, [put('a', '1')]))).toEqual(committed);
  expect([read('a'), read('b')]).toEqual(['1', undefined]);
});

test('what an etcd with smaller limits does not take is refused with what to set, and not repeated for ever', async () => {
  const { etcd, commit, queue, lost, read } = await begin();
  etcd.plan('too_large');
  const refused = await commit(put('a', '1'));
  expect(refused).toMatchObject({ kind: 'refused', detail: expect.stringContaining('--max-request-bytes') });
  expect([read('a'), lost]).toEqual([undefined, []]);
  expect(await queue.commit(batchOf(TERM, 1, [put('b', '1')]))).toEqual(committed);
});
