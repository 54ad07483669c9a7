/**
 * A fault before and after every write: whatever the moment, what was acknowledged is there afterwards, each commit is whole or not there,
 * and everybody sees the same: who loads in the middle, who follows, who leads next.
 */
import { describe, expect, test } from 'vitest';
import type { Change, Snapshot, Store, Write } from '../../controller/store/store.ts';
import {
  elect,
  type Fault,
  type FaultyHandle,
  inWorld,
  type Leader,
  put,
  remove,
  type StoreKind,
  type StoreWorld,
} from './store-world.ts';

/** What the commits of the script write: small ones, and two that a store may have to make in several steps. */
function scriptOf({ records, valueBytes }: StoreKind['largeCommit']): readonly (readonly Write[])[] {
  const keys = Array.from({ length: records }, (_, i) => `g/${String(i).padStart(4, '0')}`);
  const big = (n: number): Write => put('big', new Uint8Array(valueBytes - 1).fill(n));
  return [
    [put('a', '1'), put('b', '1')],
    [...keys.map((key) => put(key, '2')), big(2), put('a', '2'), put('bigger', new Uint8Array(valueBytes).fill(2))],
    [...keys.map((key, i) => (i % 3 === 0 ? put(key, '3') : remove(key))), put('a', '3'), big(3)],
    [remove('bigger'), put('b', '4')],
  ];
}

/** What a store holds after so many commits, as one text for each. */
function statesOf(script: readonly (readonly Write[])[]): string[] {
  const picture = new Picture();
  return [picture.text, ...script.map((writes) => picture.apply(writes).text)];
}

class Picture {
  readonly #records = new Map<string, Uint8Array>();

  apply(writes: readonly Write[]): this {
    for (const write of writes) {
      if (write.kind === 'put') this.#records.set(write.key, write.value);
      else this.#records.delete(write.key);
    }
    return this;
  }

  get text(): string {
    const lines = [...this.#records].map(([key, value]) => `${key}=${value.length}:${value[0]}`);
    return lines.sort().join('\n');
  }
}

const textOf = ({ records }: Snapshot): string =>
  new Picture().apply(records.map(({ key, value }) => ({ kind: 'put', key, value }))).text;

function insist(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** One run of the script. */
class Run {
  readonly #script: readonly (readonly Write[])[];
  readonly #states: readonly string[];
  acknowledged = 0;
  sent = 0;

  constructor(script: readonly (readonly Write[])[], states: readonly string[]) {
    this.#script = script;
    this.#states = states;
  }

  get length(): number {
    return this.#script.length;
  }

  /** Leads and commits what is left of the script. */
  async play(store: Store): Promise<void> {
    const leader = await elect(store, `leader from ${this.acknowledged}`);
    await this.playFrom(leader, this.acknowledged);
  }

  async playFrom(leader: Leader, done: number): Promise<void> {
    for (let n = done + 1; n <= this.#script.length; n += 1) {
      this.sent = n;
      await leader.commit(...(this.#script[n - 1] ?? []));
      this.acknowledged = n;
    }
  }

  /** How many commits a snapshot shows. Fails for a part of one, and for fewer than were acknowledged when it was begun. */
  async look(store: Store): Promise<number> {
    const atLeast = this.acknowledged;
    const shown = this.#states.indexOf(textOf(await store.load()));
    insist(
      shown >= atLeast,
      `a load shows ${shown === -1 ? 'a part of a commit' : shown}, ${atLeast} were acknowledged`,
    );
    insist(shown <= this.sent, `a load shows ${shown} commits, ${this.sent} were sent`);
    return shown;
  }

  /** Follows from a revision until everything was seen: each commit once, whole, in order, at a revision of its own. */
  async follow(store: Store, from: Snapshot): Promise<void> {
    const picture = new Picture().apply(from.records.map(({ key, value }) => ({ kind: 'put', key, value })));
    let seen = this.#states.indexOf(picture.text);
    const revisions = [from.revision];
    const done = new AbortController();
    const changes: AsyncIterable<Change> = store.watch(from.revision, done.signal);
    if (seen === this.#script.length) return;
    for await (const { revision, writes } of changes) {
      seen += 1;
      insist(picture.apply(writes).text === this.#states[seen], `a follower does not see commit ${seen} whole`);
      insist(revision > (revisions.at(-1) ?? 0), `commit ${seen} has revision ${revision}, not above all before it`);
      revisions.push(revision);
      if (seen === this.#script.length) done.abort();
    }
    insist(seen === this.#script.length, `a follower saw ${seen} commits`);
  }
}

/** Plays the script on a handle that meets the fault; then, if it died of it, on the next one. Returns the points that were passed. */
async function meet(kind: StoreKind, world: StoreWorld, fault: Fault, at: number): Promise<number> {
  const script = scriptOf(kind.largeCommit);
  const run = new Run(script, statesOf(script));
  const many = kind.candidates === 'many';
  const before = many ? await world.open() : undefined;
  const empty = await before?.load();
  const following = before === undefined || empty === undefined ? undefined : run.follow(before, empty);
  // It is looked at in the end; what goes wrong until then is told by the test itself.
  following?.catch(() => {});
  const handle = await world.openFaulty({ fault, at });
  const ended = await Promise.race([run.play(handle.store).then(() => 'played'), handle.gone.then(() => 'gone')]);
  if (ended === 'gone') await takeOver(run, world, handle, before);
  else await run.look(handle.store);
  if (following !== undefined) await following;
  expect((await world.leftovers?.()) ?? []).toEqual([]);
  return handle.passed;
}

async function takeOver(run: Run, world: StoreWorld, handle: FaultyHandle, observer: Store | undefined): Promise<void> {
  const next = observer ?? (await world.open());
  const shown = await run.look(next);
  const dead = await next.leader();
  if (dead !== undefined) await world.depose?.(dead.term);
  const leader = await elect(next, 'next');
  expect((await world.leftovers?.()) ?? [], 'what the dead leader left').toEqual([]);
  // What was shown once stays, and nothing appears that was not: nobody commits now.
  expect(await run.look(next)).toBe(shown);
  await handle.arriveLate();
  expect(await run.look(next)).toBe(shown);
  const from = await next.load();
  const following = run.follow(next, from);
  await run.playFrom(leader, shown);
  await handle.arriveLate();
  await following;
  expect(await run.look(next)).toBe(run.length);
  expect(await next.lastCommit(leader.term)).toBe(leader.number);
}

export function faultPromises(kind: StoreKind): void {
  describe('faults', () => {
    test(
      'no load in the middle of any write sees a part of a commit',
      inWorld(kind, async (world) => {
        if (kind.candidates === 'one') return;
        const script = scriptOf(kind.largeCommit);
        const run = new Run(script, statesOf(script));
        const observer = await world.open();
        const empty = await observer.load();
        let looks = 0;
        const onPoint = async (): Promise<void> => {
          looks += 1;
          // Each at a moment of its own, and a follower that begins here sees the rest.
          await run.look(observer);
        };
        const handle = await world.openFaulty({ fault: 'dies', at: Infinity, onPoint });
        await run.play(handle.store);
        expect(looks).toBe(handle.passed);
        await run.follow(observer, empty);
      }),
      60_000,
    );

    for (const fault of kind.faults) {
      test(
        `"${fault}" before or after any write loses nothing that was acknowledged and leaves no half`,
        inWorld(kind, async (counting) => {
          const points = await meet(kind, counting, fault, Infinity);
          expect(points).toBeGreaterThanOrEqual(2 * scriptOf(kind.largeCommit).length);
          for (let at = 0; at < points; at += 1) {
            const world = await kind.createWorld();
            try {
              await meet(kind, world, fault, at);
            } catch (error) {
              throw new Error(`at point ${at} of ${points}: ${String(error)}`, { cause: error });
            } finally {
              await world.dispose();
            }
          }
        }),
        300_000,
      );
    }
  });
}
