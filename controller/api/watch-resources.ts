/** Watches of pools, servers, policies and runs: a snapshot first, then changes, and bookmarks in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { LocumError } from '../../shared/errors.ts';
import type { Now } from '../../shared/time.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { type HubEntry, type Position, tooOld } from '../engine/watch-hub.ts';
import type { ApiContext, LeaderTermView } from './api-context.ts';

/** Changes that are taken, and resources that are looked up, at a time at most. */
const CHUNK = 100;
/** A client that takes longer for what was looked up is slow. */
const SLOW_MS = 100;

/** How many resources are looked up at a time: one at first, and for slow clients. What is looked up and not read stays in memory. */
class Pace {
  #size = 1;

  /** All of them, in slices; the next one is as long as the time allows that passed until it is asked for. */
  *slices<T>(all: readonly T[]): Generator<readonly T[], void, undefined> {
    for (let start = 0; start < all.length; ) {
      const slice = all.slice(start, start + this.#size);
      start += slice.length;
      const beganMs = performance.now();
      yield slice;
      this.#size = performance.now() - beganMs > SLOW_MS ? 1 : Math.min(CHUNK, 2 * this.#size);
    }
  }
}

/** How the resources of one collection are found. Ids are those in the keys of the store. */
export interface Collection<Message extends { readonly name: string }> {
  readonly folder: 'pools' | 'servers' | 'policies' | 'runs';
  /** Whether the client sees all of them; of what he does not see not even the end is told. */
  readonly seesAll: (state: ClusterState) => boolean;
  readonly list: (state: ClusterState) => readonly string[];
  /** The resource as it is now; undefined when it is gone, or not asked for. */
  readonly project: (state: ClusterState, now: Now, id: string) => Message | undefined;
}

/** One message of a watch: a resource, or the name of a deleted one, or a bookmark with neither. */
export interface WatchItem<Message> {
  readonly revision: bigint;
  readonly value?: Message;
  readonly change?: { readonly case: 'deleted'; readonly value: string };
  readonly snapshotEnd: boolean;
}

/** @throws LocumError REVISION_TOO_OLD, SLOW_READER, NOT_LEADER (the term is over: watch again) */
export function watchResources<Message extends { readonly name: string }>(
  api: ApiContext,
  revision: bigint,
  signal: AbortSignal,
  collection: Collection<Message>,
): AsyncGenerator<WatchItem<Message>> {
  return api.streams.counted(itemsOf(api, revision, signal, collection));
}

async function* itemsOf<Message extends { readonly name: string }>(
  api: ApiContext,
  revision: bigint,
  signal: AbortSignal,
  collection: Collection<Message>,
): AsyncGenerator<WatchItem<Message>> {
  const leaderTerm = api.leaderTerm();
  const pace = new Pace();
  let position: Position;
  /** Names that were sent. Undefined: a client that resumes may know any. */
  let known: Set<string> | undefined;
  if (revision === 0n) {
    const begin = await leaderTerm.read((state) => ({
      ids: collection.list(state),
      position: leaderTerm.hub.end,
      revision: leaderTerm.hub.revision,
    }));
    position = begin.position;
    known = new Set();
    yield* snapshot(leaderTerm, begin.ids, collection, { known, pace });
    yield { revision: toUint64(begin.revision), snapshotEnd: true };
  } else {
    // Whoever sees a part could be told of the end of what he never knew.
    if (!(await leaderTerm.read(collection.seesAll))) throw tooOld(fromUint64(revision, 'revision'));
    position = leaderTerm.hub.resume(fromUint64(revision, 'revision'));
  }
  while (!signal.aborted) {
    const changed = leaderTerm.hub.changed;
    const entries = leaderTerm.hub.take(position, CHUNK);
    position += entries.length;
    if (entries.length > 0) yield* changes(leaderTerm, entries, collection, { known, pace });
    else if (!(await happens(changed, api.bookmarkMs, signal))) {
      if (!signal.aborted) yield { revision: toUint64(leaderTerm.hub.revision), snapshotEnd: false };
    }
  }
  throwIfEnded(signal);
}

/** Resources by and by, each as it is when its turn comes: what changes meanwhile comes again as a change. */
async function* snapshot<Message extends { readonly name: string }>(
  leaderTerm: LeaderTermView,
  ids: readonly string[],
  { folder, project }: Collection<Message>,
  { known, pace }: { readonly known: Set<string>; readonly pace: Pace },
): AsyncGenerator<WatchItem<Message>> {
  for (const chunk of pace.slices(ids)) {
    const values = await leaderTerm.read((state, now) => chunk.map((id) => project(state, now, id)));
    for (const [index, value] of values.entries()) {
      if (value === undefined) continue;
      known.add(`${folder}/${chunk[index]}`);
      // Revision 0: who is cut off here has to begin again.
      yield { revision: 0n, value, snapshotEnd: false };
    }
  }
}

async function* changes<Message extends { readonly name: string }>(
  leaderTerm: LeaderTermView,
  entries: readonly HubEntry[],
  { folder, project }: Collection<Message>,
  { known, pace }: { readonly known: Set<string> | undefined; readonly pace: Pace },
): AsyncGenerator<WatchItem<Message>> {
  const prefix = `${folder}/`;
  // Of several changes of one resource the last tells all: it is shown as it is now.
  const newest = new Map<string, HubEntry>();
  for (const entry of entries) {
    if (!entry.key.startsWith(prefix)) continue;
    newest.delete(entry.key);
    newest.set(entry.key, entry);
  }
  for (const slice of pace.slices([...newest.values()])) {
    const items = await leaderTerm.read((state, now) =>
      slice.map((entry): WatchItem<Message> => {
        const value = project(state, now, entry.key.slice(prefix.length));
        const common = { revision: toUint64(entry.revision), snapshotEnd: false };
        return value === undefined
          ? { ...common, change: { case: 'deleted', value: entry.key } }
          : { ...common, value };
      }),
    );
    for (const item of items) {
      const { change, value } = item;
      if (value !== undefined) known?.add(value.name);
      // What was never sent, such as what the client did not ask for, is not told to be gone.
      else if (change !== undefined && known?.delete(change.value) === false) continue;
      yield item;
    }
  }
}

/** A stream that this controller ends is no stream that has nothing more to say: its client should come again. */
export function throwIfEnded({ reason }: AbortSignal): void {
  if (reason instanceof LocumError) throw reason;
}

/** Whether it happened before the time was up or the signal aborted. */
export async function happens(event: Promise<void>, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const waiting = new AbortController();
  const timeUp = sleep(withinMs, false, { signal: AbortSignal.any([signal, waiting.signal]) }).catch(() => false);
  const happened = await Promise.race([event.then(() => true), timeUp]);
  waiting.abort();
  return happened;
}
