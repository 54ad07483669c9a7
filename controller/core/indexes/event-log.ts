/**
 * The event log as a leader keeps it: ascending by number, with gaps. A gap is a number that no commit brought into the store, or an
 * event that was dropped for newer ones of the same owner: a policy, a server, a pool, the cluster itself, or all that is gone. So
 * whoever makes many events pushes out his own (see Shares), and every reader goes by numbers, never by places in a list.
 *
 * What was dropped is remembered by its newest number, for each owner and over all, and the latter is kept in the store: a reader that
 * comes back is told whether it missed something. The answer may be "perhaps", never a wrong "no".
 */
import { firstPast } from '../../../shared/sorted.ts';
import type { EventRecord } from '../records/state.ts';
import { Shares } from './shares.ts';

/** Whose events are kept together. */
export type EventOwner = string;

/** Those about policies, servers and pools that do not exist any more. */
const GONE: EventOwner = 'gone';
/** What an owner keeps of its newest events, whatever the others do. */
const EACH = 20;
/** Events kept over all, as long as every owner has its own. */
export const EVENTS_KEPT = 10_000;

/** A place in the log; it outlives its event until there are too many of these. */
interface Slot {
  readonly number: number;
  event: EventRecord | undefined;
}

/** What exists, for finding out whom an event belongs to. */
export interface Existing {
  readonly policies: { has(id: NonNullable<EventRecord['policy']>): boolean };
  readonly servers: { has(id: NonNullable<EventRecord['server']>): boolean };
  readonly pools: { has(id: NonNullable<EventRecord['pool']>): boolean };
}

export function ownerOf({ policy, server, pool }: Omit<EventRecord, 'kind'>, existing: Existing): EventOwner {
  if (policy !== undefined) return existing.policies.has(policy) ? `policies/${policy}` : GONE;
  if (server !== undefined) return existing.servers.has(server) ? `servers/${server}` : GONE;
  if (pool !== undefined) return existing.pools.has(pool) ? `pools/${pool}` : GONE;
  return 'cluster';
}

export class EventLog {
  readonly #shares: Shares<Slot>;
  #slots: Slot[] = [];
  #size = 0;
  /** Up to which number something of an owner may have been dropped, if anything was at all. An owner that is not here: as of all. */
  readonly #droppedOf = new Map<EventOwner, number>();
  #dropped = 0;

  /** `keep`: events over all; more, if otherwise an owner would keep less than 20. */
  constructor(keep: number = EVENTS_KEPT) {
    this.#shares = new Shares({ total: keep, each: EACH });
  }

  /** Events that are here. */
  get size(): number {
    return this.#size;
  }

  /** Newest number of everything that was ever dropped; 0: nothing was. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What earlier leaders dropped. Before anything is added. */
  droppedBefore(number: number): void {
    this.#dropped = Math.max(this.#dropped, number);
  }

  /** Adds the newest event and answers those that were dropped for it. `ownLimit`: of this owner. */
  add(owner: EventOwner, event: EventRecord, ownLimit?: number): readonly EventRecord[] {
    const slot: Slot = { number: event.number, event };
    this.#slots.push(slot);
    this.#size += 1;
    // Of one that is new here: in an earlier leader's time, or under the same name before it was deleted.
    if (!this.#shares.has(owner)) this.#droppedOf.set(owner, event.number - 1);
    return this.#shares.add(owner, slot, ownLimit).flatMap(({ owner: of, item }) => this.#empty(of, item));
  }

  /** What an event is about does not exist any more: its events share the room of all that is gone. */
  disown(owner: EventOwner): void {
    this.#shares.handOver(owner, GONE);
    this.#droppedOf.delete(owner);
  }

  /** Past this number everything that was ever made of an owner is here; undefined: of all owners. May be too high, never too low. */
  droppedUpTo(owner: EventOwner | undefined): number {
    const ofOwner = owner === undefined ? undefined : this.#droppedOf.get(owner);
    return Math.min(ofOwner ?? this.#dropped, this.#dropped);
  }

  /** Events with a higher number, oldest first. */
  *after(number: number): Generator<EventRecord> {
    const start = firstPast(this.#slots, number, (slot) => slot.number);
    for (let index = start; index < this.#slots.length; index += 1) {
      const event = this.#slots[index]?.event;
      if (event !== undefined) yield event;
    }
  }

  [Symbol.iterator](): Generator<EventRecord> {
    return this.after(Number.NEGATIVE_INFINITY);
  }

  #empty(owner: EventOwner, slot: Slot): readonly EventRecord[] {
    const { event } = slot;
    slot.event = undefined;
    this.#droppedOf.set(owner, Math.max(this.#droppedOf.get(owner) ?? 0, slot.number));
    this.#dropped = Math.max(this.#dropped, slot.number);
    this.#size -= 1;
    if (this.#slots.length > 2 * this.#size + 64) this.#slots = this.#slots.filter((kept) => kept.event !== undefined);
    return event === undefined ? [] : [event];
  }
}
