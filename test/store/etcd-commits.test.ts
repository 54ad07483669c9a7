/** Commits whose outcome is not known at first: how the store finds out, and what it never does meanwhile. */
import { expect, onTestFinished, test } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { CommitQueue } from '../../controller/store/etcd/commit-queue.ts';
import { encode, headText, Keys, START } from '../../controller/store/etcd/keys.ts';
import type { CommitOutcome, Write } from '../../controller/store/store.ts';
import { FakeEtcd } from './fake-etcd.ts';
import { batchOf, put } from './store-world.ts';

const TERM = 1_000;
const keys = new Keys('test');

/** A leader at the beginning of its term, on a member that does as it is told. */
async function begin() {
  const etcd = new FakeEtcd();
  await etcd.listen();
  const client = new EtcdClient([etcd.endpoint], {});
  onTestFinished(() => {
    client.close();
    etcd.close();
  });
  etcd.put(keys.head, headText(TERM, START));
  const createRevision = etcd.put(keys.leader, encode('leader'));
  const over = new AbortController();
  const lost: string[] = [];
  const lose = (reason: string): void => {
    lost.push(reason);
    over.abort();
  };
  const queue = new CommitQueue({ client, keys, term: TERM, createRevision, over: over.signal, lose });
  let number = 0;
  return {
    etcd,
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
      etcd.put(keys.head, headText(TERM + 1, START));
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

test('a batch that was cut, and of which the second part found the store full, is completed when sent again', async () => {
  const { etcd, queue, read } = await begin();
  const writes = Array.from({ length: 300 }, (_, i) => put(`k${i}`, `${i}`));
  etcd.plan('answer', 'full');
  expect(await queue.commit(batchOf(TERM, 1, writes))).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
  expect([read('k0'), read('k299')]).toEqual(['0', undefined]);
  expect(await queue.commit(batchOf(TERM, 1, writes))).toEqual(committed);
  expect(read('k299')).toBe('299');
  expect(await queue.commit(batchOf(TERM, 2, [put('after', '')]))).toEqual(committed);
});

test('full after a try with an unknown end is unknown, and ends the leadership', async () => {
  const { etcd, commit, lost } = await begin();
  etcd.plan('late', 'full');
  expect(await commit(put('a', '1'))).toMatchObject({ kind: 'unknown' });
  expect(lost).toHaveLength(1);
  expect(await commit(put('b', '1'))).toMatchObject({ kind: 'deposed' });
});

test('a decision that fits into no transaction is refused by itself, and the next commit takes its number', async () => {
  const { queue, read } = await begin();
  const writes = Array.from({ length: 200 }, (_, i) => put(`k${i}`, ''));
  const tooLarge = await queue.commit({ term: TERM, number: 1, writes, decisions: [0] });
  expect(tooLarge).toMatchObject({ kind: 'failed', detail: expect.stringContaining('200 keys') });
  expect(await queue.commit(batchOf(TERM, 1, [put('a', '1')]))).toEqual(committed);
  expect(read('a')).toBe('1');
});
