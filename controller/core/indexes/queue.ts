import type { RunId } from '../../../shared/ids.ts';
import { MINUTE } from '../../../shared/time.ts';
import { byNumber } from '../records/run-number.ts';
import type { QueueCause } from '../records/state.ts';

/** A run that waits for its place; whether there is room is seen when its turn comes. */
export interface QueueEntry {
  readonly run: RunId;
  /** 0–100, of its policy; higher first. Default of policies: 50. */
  readonly priority: number;
  readonly cause: QueueCause;
  /** Age of the cluster when it was queued. Kept if it comes back from an attempt that never ran; otherwise it waits anew. */
  readonly sinceAge: number;
  /** Slots it needs. */
  readonly slots: number;
}

/** Waiting this long raises the effective priority by 1. */
export const AGING_STEP_MS = 5 * MINUTE;
/** Waiting raises it by at most this. */
export const MAX_AGING = 20;

/** In the order in which equal priorities are served. */
const CAUSE_ORDER: Readonly<Record<QueueCause, number>> = { RECOVERY: 0, START: 1, MOVE: 2 };

/** Priority with what waiting has added to it (docs/semantics.md, section 9); can pass 100. */
export function effectivePriority(entry: QueueEntry, nowAge: number): number {
  return entry.priority + agingSteps(entry, nowAge);
}

/** Sorts the entry served first to the front; total, since run ids are unique. */
export function compareEntries(a: QueueEntry, b: QueueEntry, nowAge: number): number {
  const byPriority = effectivePriority(b, nowAge) - effectivePriority(a, nowAge);
  if (byPriority !== 0) return byPriority;
  const byCause = CAUSE_ORDER[a.cause] - CAUSE_ORDER[b.cause];
  if (byCause !== 0) return byCause;
  if (a.sinceAge !== b.sinceAge) return a.sinceAge - b.sinceAge;
  return byNumber(a.run, b.run);
}

/** The runs of a pool without a place, in the order in which slots are offered to them. Every run goes through it, also where there is room. */
export class RunQueue {
  readonly #entries = new Map<RunId, QueueEntry>();
  #order: readonly QueueEntry[] = [];
  #positions: ReadonlyMap<RunId, number> | undefined;
  /** Entries that are not in #order yet. */
  #added = new Set<QueueEntry>();
  #membershipChanged = false;
  /** Interval of ages, end excluded, in which no entry of #order ages. */
  #validFrom = Number.NEGATIVE_INFINITY;
  #validTo = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#entries.size;
  }

  has(run: RunId): boolean {
    return this.#entries.has(run);
  }

  get(run: RunId): QueueEntry | undefined {
    return this.#entries.get(run);
  }

  /** Adds a run, or replaces its entry. */
  add(entry: QueueEntry): void {
    this.remove(entry.run);
    this.#entries.set(entry.run, entry);
    this.#added.add(entry);
    this.#membershipChanged = true;
  }

  /** True if the run was queued. */
  remove(run: RunId): boolean {
    const entry = this.#entries.get(run);
    if (entry === undefined) return false;
    this.#entries.delete(run);
    this.#added.delete(entry);
    this.#membershipChanged = true;
    return true;
  }

  /**
   * All entries, first served first. The array is never changed afterwards: it may be walked while runs are added and
   * removed. Costs nothing until membership changes or an entry ages.
   */
  ordered(nowAge: number): readonly QueueEntry[] {
    if (this.#membershipChanged || nowAge < this.#validFrom || nowAge >= this.#validTo) this.#sort(nowAge);
    return this.#order;
  }

  /** Place in the queue, from 1; undefined if the run is not queued. */
  position(run: RunId, nowAge: number): number | undefined {
    const order = this.ordered(nowAge);
    this.#positions ??= new Map(order.map((entry, index) => [entry.run, index + 1]));
    return this.#positions.get(run);
  }

  #sort(nowAge: number): void {
    // The old order with a few entries at its end is nearly sorted: the engine's merge sort is then near linear.
    const kept = [...this.#order, ...this.#added].filter((entry) => this.#entries.get(entry.run) === entry);
    // An entry added again by identity stands in both lists.
    const entries = kept.length === this.#entries.size ? kept : [...new Set(kept)];
    this.#order = entries.sort((a, b) => compareEntries(a, b, nowAge));
    this.#positions = undefined;
    this.#added = new Set();
    this.#membershipChanged = false;
    this.#validFrom = Number.NEGATIVE_INFINITY;
    this.#validTo = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      const steps = agingSteps(entry, nowAge);
      if (steps > 0) this.#validFrom = Math.max(this.#validFrom, entry.sinceAge + steps * AGING_STEP_MS);
      if (steps < MAX_AGING) this.#validTo = Math.min(this.#validTo, entry.sinceAge + (steps + 1) * AGING_STEP_MS);
    }
  }
}

function agingSteps(entry: QueueEntry, nowAge: number): number {
  return Math.min(MAX_AGING, Math.max(0, Math.floor((nowAge - entry.sinceAge) / AGING_STEP_MS)));
}
