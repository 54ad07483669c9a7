/** Real members that die, hang and come back under a store at work. Times are measured loosely: the machine is shared. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { identityText, Keys, parseIdentity } from '../../controller/store/etcd/keys.ts';
import { putOp } from '../../controller/store/etcd/term-writer.ts';
import type { Change, Store } from '../../controller/store/store.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { type ClusterOptions, EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { contents, elect, type Leader, put, revisionOf } from './store-world.ts';

/** Short, where a test waits for it to pass. */
const TTL_MS = 2_000;
/** What a leader has to live through the loss of any member with. */
const DEFAULT_TTL_MS = 5_000;
const LONG_MS = 60_000;

beforeEach((ctx: TestContext) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

async function startCluster(options?: ClusterOptions): Promise<EtcdCluster> {
  const cluster = await EtcdCluster.start(options);
  onTestFinished(() => cluster.stop());
  return cluster;
}

async function openAt(endpoints: readonly string[], options: EtcdStoreOptions = {}): Promise<EtcdStore> {
  const store = await openEtcdStore({ endpoints, prefix: 'locum' }, { electionTtlMs: TTL_MS, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** Commits `n/<i>` for these numbers, one after the other, and fails the test if one is not committed. */
async function commitAll(leader: Leader, from: number, to: number): Promise<string[]> {
  const written: string[] = [];
  for (let i = from; i <= to; i += 1) {
    await leader.commit(put(`n/${String(i).padStart(4, '0')}`, ''));
    written.push(`n/${String(i).padStart(4, '0')}=`);
  }
  return written;
}

/** Watches from now on, until a commit writes `end`. `seen` fills meanwhile. */
async function watchUntilEnd(follower: Store) {
  const { revision } = await follower.load();
  const seen: Change[] = [];
  const done = new AbortController();
  const watching = (async () => {
    for await (const change of follower.watch(revision, done.signal)) {
      seen.push(change);
      if (change.writes.some((write) => write.key === 'end')) done.abort();
    }
  })();
  return { seen, watching };
}

describe('one member of three', () => {
  test(
    'killed while it is used: the leader goes on, nothing is lost, and a watch misses and repeats nothing',
    async () => {
      const cluster = await startCluster();
      const leader = await elect(await openAt(cluster.endpoints, { electionTtlMs: DEFAULT_TTL_MS }));
      const follower = await openAt(cluster.endpoints);
      const { seen, watching } = await watchUntilEnd(follower);
      const written = await commitAll(leader, 1, 30);
      await cluster.members[0]?.kill();
      written.push(...(await commitAll(leader, 31, 60)));
      cluster.members[0]?.start();
      written.push(...(await commitAll(leader, 61, 90)));
      await leader.commit(put('end', ''));
      await watching;
      expect(leader.lost.aborted).toBe(false);
      expect(seen.flatMap((change) => change.writes.map((write) => `${write.key}=`))).toEqual([...written, 'end=']);
      expect(contents(await follower.load())).toEqual(['end=', ...written]);
    },
    LONG_MS,
  );

  test(
    'hung while it is used: the leader goes on through another before its lease ends, and so does a watch',
    async () => {
      const cluster = await startCluster();
      const leader = await elect(await openAt(cluster.endpoints, { electionTtlMs: DEFAULT_TTL_MS }));
      const follower = await openAt(cluster.endpoints);
      const { revision } = await follower.load();
      const done = new AbortController();
      onTestFinished(() => done.abort());
      const changes = follower.watch(revision, done.signal)[Symbol.asyncIterator]();
      const next = async () => (await changes.next()).value?.writes.map((write) => write.key);
      await leader.commit(put('before', ''), put('x', 'before'));
      expect(await next()).toEqual(['before', 'x']);
      cluster.members[0]?.pause();
      await leader.commit(put('during', ''), put('x', 'during'));
      expect(await next()).toEqual(['during', 'x']);
      await leader.commit(put('after', ''), put('x', 'after'));
      expect(await next()).toEqual(['after', 'x']);
      // The first try of the second commit was left in the hung member's sockets: it must not be done a second time.
      cluster.members[0]?.resume();
      await cluster.allReady();
      expect(contents(await follower.load())).toContain('x=after');
      expect(leader.lost.aborted).toBe(false);
      expect(await leader.store.lastCommit(leader.term)).toBe(3);
    },
    LONG_MS,
  );

  test(
    'each in turn restarted: no leadership and no write is lost',
    async () => {
      const cluster = await startCluster();
      const leader = await elect(await openAt(cluster.endpoints, { electionTtlMs: DEFAULT_TTL_MS }));
      const written: string[] = [];
      for (const [i, member] of cluster.members.entries()) {
        await member.kill();
        written.push(...(await commitAll(leader, i * 20 + 1, i * 20 + 10)));
        member.start();
        written.push(...(await commitAll(leader, i * 20 + 11, i * 20 + 20)));
        await cluster.allReady();
      }
      expect(leader.lost.aborted).toBe(false);
      expect(contents(await leader.store.load())).toEqual(written);
    },
    LONG_MS,
  );

  test(
    'down from the start: the others serve',
    async () => {
      const cluster = await startCluster();
      await cluster.members[0]?.kill();
      const leader = await elect(await openAt(cluster.endpoints));
      await leader.commit(put('a', '1'));
      expect(contents(await leader.store.load())).toEqual(['a=1']);
    },
    LONG_MS,
  );
});

describe('a majority', () => {
  test(
    'lost: nothing is called committed, the leader steps down on its own clock, and all acknowledged is there afterwards',
    async () => {
      const cluster = await startCluster();
      const [, b, c] = cluster.members;
      const store = await openAt(cluster.endpoints);
      const leader = await elect(store);
      const written = await commitAll(leader, 1, 10);
      await Promise.all([b?.kill(), c?.kill()]);
      const outcome = await leader.send(put('unknown', 'x'), put('unknown/2', 'x'));
      expect(['unknown', 'deposed']).toContain(outcome.kind);
      expect(leader.lost.reason).toMatchObject({ name: 'StoreError', reason: 'TERM_OVER' });
      expect(await leader.send(put('later', ''))).toMatchObject({ kind: 'deposed' });
      await expect(store.load()).rejects.toMatchObject({ name: 'StoreError', reason: 'STORE_UNAVAILABLE' });

      b?.start();
      c?.start();
      await cluster.ready();
      const next = await elect(store);
      expect(next.term).toBeGreaterThan(leader.term);
      await next.commit(put('z', ''));
      const found = contents(await store.load());
      expect(found.filter((line) => line.startsWith('n/'))).toEqual(written);
      // The unknown one is there or not, but whole.
      expect([0, 2]).toContain(found.filter((line) => line.startsWith('unknown')).length);
      expect(found).not.toContain('later=');
    },
    LONG_MS,
  );

  test(
    'out of reach from the start: opening says so',
    async () => {
      const opening = openEtcdStore({ endpoints: ['127.0.0.1:1', '127.0.0.1:2'], prefix: 'locum' });
      await expect(opening).rejects.toMatchObject({
        name: 'StoreError',
        reason: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/majority.*127\.0\.0\.1:[12]/),
      });
    },
    LONG_MS,
  );
});

test(
  'a leader cut off from etcd gives up before another is elected, and what it had under way never takes effect',
  async () => {
    const cluster = await startCluster();
    const [first = '', ...others] = cluster.endpoints;
    const cutOff = await openAt([first]);
    const old = await elect(cutOff, 'old');
    await old.commit(put('by', 'old'));
    const store = await openAt(others);
    cluster.members[0]?.pause();
    const underWay = old.send(put('by', 'old, too late'));
    const current = await elect(store, 'new');
    // The member is still hung: only its own clock can have told it. The clock, not a timer, which may be late.
    expect(await old.send(put('by', 'old, later'))).toMatchObject({ kind: 'deposed' });
    expect(old.lost.aborted).toBe(true);
    await current.commit(put('by', 'new'));
    // What was waiting in the hung member's sockets is done now.
    cluster.members[0]?.resume();
    expect((await underWay).kind).toMatch(/unknown|deposed/);
    expect(await old.send(put('by', 'old again'))).toMatchObject({ kind: 'deposed' });
    await cluster.allReady();
    expect(await cutOff.verifyTerm(old.term)).toBe(false);
    expect(contents(await cutOff.load())).toEqual(['by=new']);
    revisionOf(await current.send(put('by', 'new again')));
  },
  LONG_MS,
);

test(
  'a leader whose lease is not renewed is followed after its time to live, not before',
  async () => {
    const cluster = await startCluster({ members: 1 });
    const script = join(import.meta.dirname, 'etcd-leader.ts');
    const child = spawn(process.execPath, [script, ...cluster.endpoints], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [term] = await once(child.stdout, 'data');
    const store = await openAt(cluster.endpoints);
    const waiting = elect(store, 'next');
    // Longer than the time to live: it is renewed.
    await setTimeout(1.5 * TTL_MS);
    expect(await store.verifyTerm(Number(term))).toBe(true);
    child.kill('SIGKILL');
    const killedMs = performance.now();
    const next = await waiting;
    expect(next.term).toBeGreaterThan(Number(term));
    // Renewed last up to a third of it ago.
    expect(performance.now() - killedMs).toBeGreaterThan(TTL_MS / 2);
  },
  LONG_MS,
);

test(
  'a store restored into another cluster is a copy: refused, or adopted as its next life',
  async () => {
    const cluster = await startCluster({ members: 1 });
    const leader = await elect(await openAt(cluster.endpoints));
    await leader.commit(put('a', '1'));
    await leader.store.close();
    const client = new EtcdClient(cluster.endpoints, {});
    onTestFinished(() => client.close());
    const keys = new Keys('locum');
    const { kvs } = await client.read(KV.method.range, { key: keys.identity });
    const identity = parseIdentity(kvs[0]?.value ?? new Uint8Array());
    const elsewhere = identityText({ ...identity, etcdClusterId: '12345' });
    await client.read(KV.method.txn, { success: [putOp(keys.identity, elsewhere)] });

    await expect(openAt(cluster.endpoints)).rejects.toMatchObject({ name: 'StoreError', reason: 'COPIED' });
    const [one, two] = await Promise.all([1, 2].map(() => openAt(cluster.endpoints, { adoptCopy: true })));
    const expected = { clusterId: identity.clusterId, incarnation: 2 };
    expect([await one?.identity(), await two?.identity()]).toEqual([expected, expected]);
    const adopted = await elect(await openAt(cluster.endpoints));
    expect(adopted.term).toBeGreaterThan(leader.term + 2 ** 39);
    expect(contents(await adopted.store.load())).toEqual(['a=1']);
  },
  LONG_MS,
);

test(
  'a full etcd refuses commits and keeps all it acknowledged',
  async () => {
    const cluster = await startCluster({ members: 1, args: ['--quota-backend-bytes', String(16 * 1024 * 1024)] });
    const store = await openAt(cluster.endpoints);
    const leader = await elect(store);
    const big = new Uint8Array(1024 * 1024);
    let committed = 0;
    let outcome = await leader.send(put('big/0', big));
    while (outcome.kind === 'committed' && committed < 100) {
      committed += 1;
      outcome = await leader.send(put(`big/${committed}`, big));
    }
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
    expect(await leader.send(put('a', '1'))).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
    expect((await store.load()).records).toHaveLength(committed);
    expect(await store.lastCommit(leader.term)).toBe(committed);
    expect(leader.lost.aborted).toBe(false);
  },
  LONG_MS,
);

test(
  'a commit that etcd refused in the middle of its parts never comes, neither to readers nor under the next leader',
  async () => {
    // Takes the first part, and not the second.
    const cluster = await startCluster({ members: 1, args: ['--max-request-bytes', '1000000'] });
    const store = await openAt(cluster.endpoints);
    const leader = await elect(store);
    await leader.commit(put('a', '1'));
    const follower = await openAt(cluster.endpoints);
    const { seen, watching } = await watchUntilEnd(follower);
    const large = [put('b', new Uint8Array(900_000)), put('c', new Uint8Array(1_000_000)), put('d', '1')];
    expect(await leader.send(...large)).toMatchObject({ kind: 'refused' });
    expect(contents(await store.load())).toEqual(['a=1']);
    await store.resign();
    const next = await elect(follower, 'next');
    await next.commit(put('end', ''));
    await watching;
    expect(seen.flatMap(({ writes }) => writes.map(({ key }) => key))).toEqual(['end']);
    expect(contents(await follower.load())).toEqual(['a=1', 'end=']);
  },
  LONG_MS,
);

test(
  'a load of many pages is of one revision, and begins again when that is compacted away under it',
  async () => {
    const cluster = await startCluster({ members: 1 });
    const store = await openAt(cluster.endpoints);
    const leader = await elect(store);
    const keys = Array.from({ length: 1_300 }, (_, i) => `k/${String(i).padStart(5, '0')}`);
    const writeAll = (value: string) => leader.commit(...keys.map((key) => put(key, value)));
    await writeAll('0');
    const client = new EtcdClient(cluster.endpoints, {});
    onTestFinished(() => client.close());
    const sizes: number[] = [];
    for (let round = 1; round <= 5; round += 1) {
      const [snapshot, revision] = await Promise.all([store.load(), writeAll(`${round}`)]);
      sizes.push(snapshot.records.length);
      const loading = store.load();
      await client.read(KV.method.compact, { revision: BigInt(revision) });
      expect(new Set((await loading).records.map((record) => String(record.value))).size).toBe(1);
    }
    expect(new Set(sizes)).toEqual(new Set([1_300]));
  },
  LONG_MS,
);
