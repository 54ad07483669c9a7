/** An etcd whose data is set back beneath its controllers: noticed by each that has seen more, also after a restart of it. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, type TestContext, test } from 'vitest';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { INCARNATION_UNIT } from '../../shared/ids.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { contents, elect, never, put } from './store-world.ts';

const LONG_MS = 60_000;
const TTL_MS = 2_000;
const behind = { name: 'StoreError', reason: 'STORE_BEHIND' };

beforeEach((ctx: TestContext) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

interface Controller {
  readonly folder: string;
  readonly open: (options?: EtcdStoreOptions) => Promise<EtcdStore>;
}

/** One member, and controllers that each have a data directory of their own. */
async function begin() {
  const cluster = await EtcdCluster.start({ members: 1 });
  onTestFinished(() => cluster.stop());
  const controller = (): Controller => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-seen-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const open = async (options: EtcdStoreOptions = {}): Promise<EtcdStore> => {
      const seen = { folder, controller: 'c1' };
      const address = { endpoints: cluster.endpoints, prefix: 'locum' };
      const store = await openEtcdStore(address, { electionTtlMs: TTL_MS, seen, ...options });
      onTestFinished(() => store.close());
      return store;
    };
    return { folder, open };
  };
  return { cluster, controller };
}

/** `one` has seen `a` and `b`, and etcd was set back to when it had `a` alone. Answers with the copy of then. */
async function setBackTo(cluster: EtcdCluster, one: Controller): Promise<string> {
  await lead(await one.open(), 'a');
  const copy = await cluster.backUp();
  await lead(await one.open(), 'b');
  await cluster.setBack(copy);
  return copy;
}

/** A leader's life: it commits these and ends in good order. */
async function lead(store: EtcdStore, ...keys: string[]): Promise<number> {
  const leader = await elect(store);
  for (const key of keys) await leader.commit(put(key, ''));
  await store.close();
  return leader.term;
}

test(
  'a controller that has seen more refuses to start; told to adopt the store it goes on, above all terms that were ever given',
  async () => {
    const { cluster, controller } = await begin();
    const one = controller();
    await lead(await one.open(), 'a');
    const copy = await cluster.backUp();
    const lastTerm = await lead(await one.open(), 'b');

    await cluster.setBack(copy);
    await expect(one.open()).rejects.toMatchObject(behind);
    await expect(one.open()).rejects.toThrow(
      /has seen revision \d+, commit \d+ of term \d+, in incarnation 1 of cluster .*, and finds revision \d+, .* --adopt-store/,
    );
    const adopted = await one.open({ adoptCopy: true });
    expect(await adopted.identity()).toMatchObject({ incarnation: 2 });
    const leader = await elect(adopted);
    expect(leader.term).toBeGreaterThan(INCARNATION_UNIT);
    expect(leader.term).toBeGreaterThan(lastTerm);
    expect(contents(await adopted.load())).toEqual(['a=']);
    await adopted.close();
    // Once is enough, also for a flag that stays in the configuration, and for the other controllers.
    expect(await (await one.open({ adoptCopy: true })).identity()).toMatchObject({ incarnation: 2 });
    expect(await (await one.open()).identity()).toMatchObject({ incarnation: 2 });
  },
  LONG_MS,
);

test(
  'a second set back, to before an adoption, is adopted above it',
  async () => {
    const { cluster, controller } = await begin();
    const one = controller();
    const copy = await setBackTo(cluster, one);
    await lead(await one.open({ adoptCopy: true }), 'c');

    await cluster.setBack(copy);
    await expect(one.open()).rejects.toThrow(/in incarnation 2 of .* finds .* in incarnation 1 of/);
    expect(await (await one.open({ adoptCopy: true })).identity()).toMatchObject({ incarnation: 3 });
  },
  LONG_MS,
);

test(
  'what was set back is noticed also when it has come further than before meanwhile, by its other history',
  async () => {
    const { cluster, controller } = await begin();
    const [one, two] = [controller(), controller()];
    await setBackTo(cluster, one);
    // It has seen nothing: for it there is nothing wrong.
    await lead(await two.open(), 'c', 'd', 'e', 'f', 'g', 'h');
    await expect(one.open()).rejects.toMatchObject(behind);
    await expect(one.open()).rejects.toThrow('finds another history');
  },
  LONG_MS,
);

test(
  'a leader at work, a candidate that waits and a follower that watches notice it by themselves, and so do they after a restart',
  async () => {
    const { cluster, controller } = await begin();
    const [one, two] = [controller(), controller()];
    // It leads on over the moments that etcd is down, also on a busy machine.
    const leader = await elect(await one.open({ electionTtlMs: 10 * TTL_MS }));
    await leader.commit(put('a', ''));
    const copy = await cluster.backUp();
    await leader.commit(put('b', ''));
    const follower = await two.open();
    const waiting = follower.campaign('two', never);
    const { revision } = await follower.load();
    const watched = (async () => {
      for await (const _ of follower.watch(revision, never));
    })();
    const ends = Promise.allSettled([waiting, watched]);
    await leader.commit(put('c', ''));

    await cluster.setBack(copy);
    expect(await ends).toMatchObject([
      { status: 'rejected', reason: behind },
      { status: 'rejected', reason: behind },
    ]);
    expect(await leader.send(put('d', ''))).not.toMatchObject({ kind: 'committed' });
    await expect.poll(() => leader.lost.aborted, { timeout: 30_000 }).toBe(true);
    await expect(leader.store.campaign('one', never)).rejects.toMatchObject(behind);
    await expect(leader.store.verifyTerm(leader.term)).rejects.toMatchObject(behind);
    for (const { open } of [one, two]) await expect(open()).rejects.toMatchObject(behind);
  },
  LONG_MS,
);

test(
  'a controller that leads an older history is deposed when another adopts it, and starts again as of the new incarnation',
  async () => {
    const { cluster, controller } = await begin();
    const [one, two] = [controller(), controller()];
    await setBackTo(cluster, one);
    const unaware = await elect(await two.open());
    const adopted = await one.open({ adoptCopy: true });
    await expect.poll(() => unaware.lost.aborted, { timeout: 30_000 }).toBe(true);
    const next = await elect(adopted);
    expect(next.term).toBeGreaterThan(INCARNATION_UNIT);
    expect(await unaware.send(put('late', ''))).toMatchObject({ kind: 'deposed' });
    await unaware.store.close();
    expect(await (await two.open()).identity()).toMatchObject({ incarnation: 2 });
  },
  LONG_MS,
);

test(
  'an etcd that was emptied is no new beginning, unless it is said to be one',
  async () => {
    const { cluster, controller } = await begin();
    const one = controller();
    const before = await one.open();
    const { clusterId } = await before.identity();
    await lead(before, 'a');
    await cluster.wipe();
    await expect(one.open()).rejects.toMatchObject(behind);
    await expect(one.open()).rejects.toThrow('finds no store there');
    const anew = await (await one.open({ adoptCopy: true })).identity();
    expect(anew.clusterId).not.toBe(clusterId);

    // As somebody who tries things out with one etcd after the other, and names no folder.
    await cluster.wipe();
    const warnings: string[] = [];
    const seen = { folder: one.folder, controller: 'c1', isDefault: true };
    await one.open({ seen, warn: (warning) => warnings.push(warning) });
    expect(warnings.join()).toContain(`cluster ${anew.clusterId}, which this controller served here before, is gone`);
  },
  LONG_MS,
);

test(
  'nothing is wrong after a restart, a compaction of all that was seen, or an etcd that lost nothing when it was killed',
  async () => {
    const { cluster, controller } = await begin();
    const [one, two] = [controller(), controller()];
    await lead(await one.open(), 'a');
    await lead(await two.open(), 'b', 'c');
    const client = new EtcdClient(cluster.endpoints, {});
    onTestFinished(() => client.close());
    await client.read(KV.method.compact, {
      revision: client.revision === 0n ? await revisionOf(client) : client.revision,
    });
    await cluster.members[0]?.kill();
    cluster.members[0]?.start();
    await cluster.ready();
    expect(contents(await (await one.open()).load())).toEqual(['a=', 'b=', 'c=']);
  },
  LONG_MS,
);

async function revisionOf(client: EtcdClient): Promise<bigint> {
  await client.read(KV.method.range, { key: new Uint8Array([1]) });
  return client.revision;
}

test(
  'what was seen is kept in one private file; a folder that can not be used is said, and a file that is damaged is refused',
  async () => {
    const { controller } = await begin();
    const { folder, open } = controller();
    chmodSync(folder, 0o755);
    await lead(await open(), 'a');
    const names = readdirSync(folder);
    expect(names).toEqual([expect.stringMatching(/^seen-c1-[0-9a-f]{12}\.json$/)]);
    const file = join(folder, String(names[0]));
    expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ format: 1, incarnation: 1 });

    const warnings: string[] = [];
    const warn = (warning: string): void => void warnings.push(warning);
    await (await open({ warn, seen: { folder: join(file, 'below'), controller: 'c1' } })).close();
    expect(warnings.join()).toContain('will not be noticed after a restart');
    writeFileSync(file, '{');
    await expect(open()).rejects.toMatchObject({ reason: 'CORRUPT', message: expect.stringContaining(file) });
  },
  LONG_MS,
);
