/** One store under test, seen from outside, and a leader that writes to it. */
import type { TestContext } from 'vitest';
import { expect } from 'vitest';
import type { Batch, CommitOutcome, Snapshot, Store, WonTerm, Write } from '../../controller/store/store.ts';

/** What happens at a fault point. */
export type Fault =
  /** The process is gone. */
  | 'dies'
  /** The process is gone, and what it was about to send arrives when another one leads. */
  | 'dies, arrives late'
  /** The process lives, and does not get this one answer. */
  | 'no answer';

/** A handle that meets one fault. Its points are before and after each write that it makes, at the lowest place we can reach. */
export interface FaultyHandle {
  readonly store: Store;
  /** Points passed so far. */
  readonly passed: number;
  /** Resolves when the process is gone: whatever still waits for it waits for ever. */
  readonly gone: Promise<void>;
  /** Lets what was held back arrive. */
  readonly arriveLate: () => Promise<void>;
}

export interface FaultPlan {
  readonly fault: Fault;
  /** Points passed before it happens; Infinity: it never does. */
  readonly at: number;
  /** Called at every point, where the store can wait for it. */
  readonly onPoint?: () => Promise<void>;
}

/** One store, new and empty when made, and the means to look at it through several handles. */
export interface StoreWorld {
  /** Opens a handle. Where the kind allows one candidate, another open handle makes this reject with LOCKED. */
  open(): Promise<Store>;
  /** Takes the leadership away from outside, as a lost lease would: the leader is not asked. */
  depose?(term: number): Promise<void>;
  /** Makes what is committed by now impossible to watch from, by `commit`ting more or by the store's own means. */
  compact(commit: () => Promise<void>): Promise<void>;
  /** Opens a handle that meets a fault. After its death `open` finds what it left. */
  openFaulty(plan: FaultPlan): Promise<FaultyHandle>;
  /** Keys below a prefix of the store's own that only a commit under way may have. None: it has no such. */
  leftovers?(): Promise<readonly string[]>;
  /** Closes what is open and removes what is left. */
  dispose(): Promise<void>;
}

export interface StoreKind {
  readonly name: Store['kind'];
  /** How many handles may be open, and stand for election, at once. */
  readonly candidates: 'one' | 'many';
  /** Faults that it can meet. */
  readonly faults: readonly Fault[];
  /** A commit that the store does not write in one go: its records, besides two with values of so many bytes. */
  readonly largeCommit: { readonly records: number; readonly valueBytes: number };
  /** Random command sequences to compare with the model. */
  readonly modelRuns: number;
  /** Why this machine can't run it; undefined when it can. */
  readonly missing: () => Promise<string | undefined>;
  readonly createWorld: () => Promise<StoreWorld>;
}

/** A test in a world of its own. */
export function inWorld(kind: StoreKind, body: (world: StoreWorld) => Promise<void>) {
  return async (ctx: TestContext): Promise<void> => {
    const missing = await kind.missing();
    if (missing !== undefined) ctx.skip(missing);
    const world = await kind.createWorld();
    try {
      await body(world);
    } finally {
      await world.dispose();
    }
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

export const put = (key: string, value: string | Uint8Array): Write => {
  return { kind: 'put', key, value: typeof value === 'string' ? bytes(value) : value };
};
export const remove = (key: string): Write => ({ kind: 'delete', key });

export const batchOf = (term: number, number: number, writes: readonly Write[]): Batch => ({ term, number, writes });

/** The records of a snapshot as text, in the order they came. */
export const contents = ({ records }: Snapshot): string[] => records.map((r) => `${r.key}=${text(r.value)}`);

export const never = new AbortController().signal;

/** Counts the commits of one leadership. */
export class Leader {
  readonly store: Store;
  readonly term: number;
  readonly lost: AbortSignal;
  #number = 0;

  constructor(store: Store, { term, lost }: WonTerm) {
    this.store = store;
    this.term = term;
    this.lost = lost;
  }

  get number(): number {
    return this.#number;
  }

  /** Hands the next batch to the store and returns what will become of it. */
  send(...writes: Write[]): Promise<CommitOutcome> {
    this.#number += 1;
    return this.store.commit(batchOf(this.term, this.#number, writes));
  }

  /** Commits and returns the revision; fails the test if the store refuses. */
  async commit(...writes: Write[]): Promise<number> {
    return revisionOf(await this.send(...writes));
  }
}

export function revisionOf(outcome: CommitOutcome): number {
  expect(outcome).toEqual({ kind: 'committed', revision: expect.any(Number) });
  return outcome.kind === 'committed' ? outcome.revision : Number.NaN;
}

export async function elect(store: Store, candidate = 'one'): Promise<Leader> {
  return new Leader(store, await store.campaign(candidate, never));
}
