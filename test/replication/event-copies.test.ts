/**
 * Followers of the event log on a real etcd: every picture that their copies go through is that of one commit, whole, whatever its size,
 * over changes of leader, restarts of etcd and compactions; and in the end they have everything.
 */
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { decodeRecord, encodeRecord } from '../../controller/codec/record.ts';
import { DEFAULT_KEEP } from '../../controller/core/cluster/cluster.ts';
import { Journal } from '../../controller/core/cluster/journal.ts';
import { stateOf } from '../../controller/core/load.ts';
import { createScheduleReader } from '../../controller/engine/schedules.ts';
import { StaleReads } from '../../controller/replication/stale-reads.ts';
import { WarmCopy } from '../../controller/replication/warm-copy.ts';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { type EtcdStore, openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';
import type { Change, Store, Write } from '../../controller/store/store.ts';
import { assert } from '../../shared/assert.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';
import { SILENT } from '../controller/replication/leaders-seen.ts';
import { EtcdCluster, etcdMissing } from '../store/etcd-cluster.ts';

const core = { version: 'test', schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 };
const PATIENCE = { timeout: 30_000, interval: 20 };

let starting: Promise<EtcdCluster> | undefined;
let worlds = 0;

afterAll(async () => (await starting)?.stop());

type Step =
  | { readonly kind: 'append'; readonly count: number }
  | { readonly kind: 'next leader' | 'restart' | 'compact' };

/** Leaders one after the other, each with what etcd has; and how far they are. */
class Leaders {
  readonly open: () => Promise<EtcdStore>;
  #store: EtcdStore;
  #term = 0;
  #number = 0;
  #journal!: Journal;
  /** Of the last event that is durable. */
  durable = 0;

  constructor(open: () => Promise<EtcdStore>, store: EtcdStore) {
    this.open = open;
    this.#store = store;
  }

  async elect(): Promise<void> {
    const { term } = await this.#store.campaign('leader', new AbortController().signal);
    this.#term = term;
    this.#number = 0;
    const records = (await this.#store.load()).records.map(({ key, value }) => decodeRecord(key, value));
    const identity = await this.#store.identity();
    const elected = { kind: 'elected' as const, term, ...identity, firstOfIncarnation: false, records };
    const state = stateOf({ ...core, keep: { ...DEFAULT_KEEP, events: 100_000 } }, elected, { mono: 0, wall: 0 });
    this.#journal = new Journal(state);
    assert(
      state.meta.lastEvent === this.durable,
      `events up to ${this.durable} are durable, and ${state.meta.lastEvent} are loaded`,
    );
  }

  /** One decision: so many events, in one commit. */
  async append(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1)
      this.#journal.event({ type: 'POLICY_UPDATED', cause: 'OPERATOR', message: 'x'.repeat(i % 50) });
    const writes = this.#journal.takeWrites().map((write): Write => {
      return write.kind === 'put' ? { kind: 'put', key: write.key, value: encodeRecord(write.record) } : write;
    });
    this.#number += 1;
    const outcome = await this.#store.commit({ term: this.#term, number: this.#number, writes });
    assert(outcome.kind === 'committed', `a commit is ${outcome.kind}`);
    this.durable += count;
  }

  /** The old one hears of it when it is over. */
  async next(): Promise<void> {
    const old = this.#store;
    this.#store = await this.open();
    await this.#store.endTerm(this.#term);
    await this.elect();
    await old.close();
  }
}

interface Picture {
  readonly revision: number;
  readonly events: number;
  readonly lastEvent: number;
}

/** A copy that notes each picture that it goes through. */
function follower(store: EtcdStore) {
  const pictures: Picture[] = [];
  const look = (): void => {
    const { copy } = warm;
    if (copy === undefined) return;
    const records = copy.records.map(({ key, value }) => decodeRecord(key, value));
    const meta = records.find(({ kind }) => kind === 'meta');
    const lastEvent = meta?.kind === 'meta' ? meta.lastEvent : 0;
    pictures.push({
      revision: copy.revision,
      events: records.filter(({ kind }) => kind === 'event').length,
      lastEvent,
    });
  };
  const watched: Pick<Store, 'load' | 'watch'> = {
    load: () => store.load(),
    async *watch(revision, signal): AsyncGenerator<Change> {
      look();
      for await (const change of store.watch(revision, signal)) {
        yield change;
        // It comes back for the next one when this one is applied.
        look();
      }
    },
  };
  const warm = new WarmCopy(watched, SILENT);
  return { warm, pictures };
}

async function play(cluster: EtcdCluster, steps: readonly Step[]): Promise<void> {
  worlds += 1;
  const address = { endpoints: cluster.endpoints, prefix: `events-${worlds}` };
  const opened: EtcdStore[] = [];
  const open = async (): Promise<EtcdStore> => {
    const store = await openEtcdStore(address, { electionTtlMs: 10_000 });
    opened.push(store);
    return store;
  };
  const over = new AbortController();
  const client = new EtcdClient(cluster.endpoints, {});
  try {
    const leaders = new Leaders(open, await open());
    await leaders.elect();
    const followers = [follower(await open()), follower(await open())];
    const following = followers.map(({ warm }) => warm.follow(over.signal));
    for (const step of steps) {
      if (step.kind === 'append') await leaders.append(step.count);
      else if (step.kind === 'next leader') await leaders.next();
      else if (step.kind === 'compact') await compact(client);
      else await restart(cluster);
    }
    await leaders.append(1);
    for (const { warm, pictures } of followers) {
      await expect.poll(() => pictures.at(-1)?.lastEvent, PATIENCE).toBe(leaders.durable);
      expect(pictures.filter(({ events, lastEvent }) => events !== lastEvent)).toEqual([]);
      expect(pictures.map(({ revision }) => revision).every((at, i, all) => i === 0 || at >= (all[i - 1] ?? 0))).toBe(
        true,
      );
      expect(await eventsOf(warm)).toEqual(Array.from({ length: leaders.durable }, (_, i) => i + 1));
    }
    over.abort();
    await Promise.all(following);
  } finally {
    over.abort();
    client.close();
    await Promise.all(opened.map((store) => store.close()));
  }
}

/** As whoever asks a follower for a stale read is answered. */
async function eventsOf(copy: WarmCopy): Promise<readonly number[]> {
  const identity = { clusterId: 'c', incarnation: 1 };
  const clock = () => ({ mono: 0, wall: 0 });
  const more = { term: () => 1, version: 'test', initialTimers: DEFAULT_TIMERS };
  const reads = new StaleReads({ copy, identity, clock, keep: { ...DEFAULT_KEEP, events: 100_000 }, ...more });
  return reads.read(({ events }) => [...events].map(({ number }) => number));
}

async function compact(client: EtcdClient): Promise<void> {
  const { header } = await client.read(KV.method.range, { key: new Uint8Array([1]) });
  // Another world of this file may have compacted up to there.
  await client.read(KV.method.compact, { revision: header?.revision ?? 0n }).catch(() => {});
}

async function restart(cluster: EtcdCluster): Promise<void> {
  for (const member of cluster.members) {
    await member.kill();
    member.start();
  }
  await cluster.allReady();
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    // From one transaction to several staged ones.
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.constantFrom(1, 5, 120, 300, 900) }),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'next leader' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'compact' }) },
  ),
  { minLength: 4, maxLength: 10 },
);

test('followers on etcd go from one whole commit to the next, and miss none (property)', {
  timeout: 240_000,
}, async (ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
  starting ??= EtcdCluster.start({ members: 1 });
  const cluster = await starting;
  const property = fc.asyncProperty(steps, (played) => play(cluster, played));
  await fc.assert(property, { seed: 6, numRuns: 8, endOnFailure: true });
});
