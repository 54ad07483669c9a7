import { assert } from '../../../shared/assert.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { type CapabilityMap, capabilityMap, type Requirement, satisfies } from '../records/capability.ts';
import { mayUse, type PlacementQuery, type ServerFacts } from './placement-query.ts';
import { type Cost, commonBits, firstCommonWord, lowestBit, RankSet } from './rank-set.ts';

/** Bounds on what is kept ready. Past one of them all is forgotten, and made again as queries ask for it. */
const MAX_SLOT_CLASSES = 256;
const MAX_PREDICATES = 4096;
const MAX_SEARCHES = 16_384;
/** Gains remembered; a search that missed more starts at the first rank again. */
const GAINS = 64;

interface Member {
  readonly facts: ServerFacts;
  readonly byName: CapabilityMap;
}

/** The available servers with room for `slots`. */
interface SlotClass {
  readonly slots: number;
  readonly room: RankSet;
  readonly search: Search;
}

/** The servers that meet one requirement, available or not. */
interface Predicate {
  readonly requirement: Requirement;
  readonly ranks: RankSet;
}

/** What the queries with the same slots and requirements share. */
interface Search {
  /** A server must be in all: the room of the slot class, then one set per requirement. */
  readonly sets: readonly RankSet[];
  /** The sets have nothing in common before this word, but for gains after `gainsSeen`. */
  from: number;
  gainsSeen: number;
  /** By the text of one more requirement. */
  readonly narrower: Map<string, Search>;
}

/**
 * Decides placements in one pool: of the servers in the effective list that meet the requirements, are available and
 * have enough free slots, the first one that is not skipped, or else the one whose skip is oldest (docs/semantics.md,
 * section 8 and I6).
 *
 * Ranks are bit positions. Each requirement, and each number of slots asked for, has a set of ranks that is made when
 * first needed and kept up to date; a decision intersects the sets and takes the first bit. Full servers in front cost
 * nothing: their bits are not set, summaries jump over them, and where servers in front are free but lack what is
 * required, each search remembers up to where it has looked and starts there until a server before that gains a bit.
 */
export class PlacementIndex {
  /** Words and list entries read by `choose` since the start; for tests and benchmarks. */
  readonly cost: Cost = { words: 0 };
  #order: readonly ServerId[] = [];
  readonly #ranks = new Map<ServerId, number>();
  readonly #members = new Map<ServerId, Member>();
  readonly #classes = new Map<number, SlotClass>();
  readonly #predicates = new Map<string, Predicate>();
  #searches = 0;
  /** Ranks that the query at hand must not take; empty between queries. */
  readonly #blocked = new RankSet(0);
  /** Ring of the words in which a set gained a rank. */
  readonly #gains = new Int32Array(GAINS);
  #gainCount = 0;

  /** The pool's order, best first. */
  get order(): readonly ServerId[] {
    return this.#order;
  }

  /** Position in the order, from 1; 0: not in it. */
  rankOf(id: ServerId): number {
    return (this.#ranks.get(id) ?? -1) + 1;
  }

  /** The pool's order, best first, each server once. Costs as much as there are ranks that change. */
  setOrder(order: readonly ServerId[]): void {
    const old = this.#order;
    const end = Math.max(old.length, order.length);
    let first = 0;
    while (first < end && old[first] === order[first]) first += 1;
    let last = end - 1;
    if (old.length === order.length) while (last > first && old[last] === order[last]) last -= 1;

    this.#order = order;
    for (const id of old.slice(first, last + 1)) this.#ranks.delete(id);
    order.slice(first, last + 1).forEach((id, index) => {
      this.#ranks.set(id, first + index);
    });
    assert(this.#ranks.size === order.length, 'an order names each server once');
    for (const set of this.#allSets()) set.grow(order.length);
    for (let rank = first; rank <= last; rank++) this.#refresh(rank);
  }

  /** What is known about a server now. A server counts once it is in the order and has facts, in either sequence. */
  setServer(id: ServerId, facts: ServerFacts): void {
    const old = this.#members.get(id);
    const known = old?.facts.capabilities === facts.capabilities ? old.byName : undefined;
    const byName = known ?? capabilityMap(facts.capabilities);
    this.#members.set(id, { facts, byName });
    const rank = this.#ranks.get(id);
    if (rank === undefined) return;
    for (const { room, slots } of this.#classes.values()) this.#put(room, rank, hasRoom(facts, slots));
    if (known !== undefined) return;
    for (const { ranks, requirement } of this.#predicates.values()) {
      this.#put(ranks, rank, satisfies(requirement, byName));
    }
  }

  /** Forgets a server's facts: it is not chosen, even while it is still in the order. */
  removeServer(id: ServerId): void {
    this.#members.delete(id);
    const rank = this.#ranks.get(id);
    if (rank !== undefined) this.#refresh(rank);
  }

  /** The server that gets the run now; undefined: none has room. Changes nothing that a later answer depends on. */
  choose(query: PlacementQuery): ServerId | undefined {
    const search = this.#searchOf(query.slots, query.requirements);
    this.#block(query.exclude);
    this.#block(query.claimed);
    this.#block(query.skip);
    let rank = this.#firstIn(query, search);
    if (rank < 0 && query.skip.length > 0) {
      this.#unblock(query.skip);
      this.#block(query.exclude);
      this.#block(query.claimed);
      rank = this.#firstSkipped(query, search);
    }
    this.#unblock(query.exclude);
    this.#unblock(query.claimed);
    this.#unblock(query.skip);
    return rank < 0 ? undefined : this.#order[rank];
  }

  /** The best rank for the query that is not blocked; -1: none. */
  #firstIn({ list, first }: PlacementQuery, search: Search): number {
    let word = firstCommonWord(search.sets, this.#startOf(search), this.cost);
    search.from = word < 0 ? (search.sets[0]?.level0.length ?? 0) : word;
    if (word < 0) return -1;
    if (first !== undefined && mayUse(list, first)) {
      const rank = this.#ranks.get(first);
      if (rank !== undefined && this.#fits(search, rank)) return rank;
    }
    for (const id of list.own) {
      this.cost.words += 1;
      const rank = this.#ranks.get(id);
      if (rank !== undefined && this.#fits(search, rank)) return rank;
    }
    if (!list.goesOn) return -1;
    while (word >= 0) {
      const bits = this.#open(search, word);
      if (bits !== 0) return word * 32 + lowestBit(bits);
      word = firstCommonWord(search.sets, word + 1, this.cost);
    }
    return -1;
  }

  /** Where nothing else fits: the skipped one that has waited longest, whatever its rank; -1: none. */
  #firstSkipped({ list, skip }: PlacementQuery, search: Search): number {
    for (const id of skip) {
      this.cost.words += 1;
      const rank = this.#ranks.get(id);
      if (rank !== undefined && mayUse(list, id) && this.#fits(search, rank)) return rank;
    }
    return -1;
  }

  #fits(search: Search, rank: number): boolean {
    return (this.#open(search, rank >>> 5) & (1 << (rank & 31))) !== 0;
  }

  /** The ranks of a word that the query at hand may take. */
  #open(search: Search, word: number): number {
    return commonBits(search.sets, word) & ~(this.#blocked.level0[word] ?? 0);
  }

  /** The word from which the search must look: where it stopped, or before that where a set gained what was missing. */
  #startOf(search: Search): number {
    const missed = this.#gainCount - search.gainsSeen;
    search.gainsSeen = this.#gainCount;
    if (missed > GAINS) return 0;
    this.cost.words += missed;
    let from = search.from;
    for (let i = this.#gainCount - missed; i < this.#gainCount; i++) {
      const word = this.#gains[i % GAINS] ?? 0;
      if (word < from && commonBits(search.sets, word) !== 0) from = word;
    }
    return from;
  }

  #searchOf(slots: number, requirements: readonly Requirement[]): Search {
    let search = (this.#classes.get(slots) ?? this.#addClass(slots)).search;
    for (const requirement of requirements) {
      search = search.narrower.get(requirement.text) ?? this.#addNarrower(search, requirement);
    }
    return search;
  }

  #addClass(slots: number): SlotClass {
    if (this.#classes.size >= MAX_SLOT_CLASSES) this.#forget();
    const room = new RankSet(this.#order.length);
    this.#order.forEach((id, rank) => {
      const member = this.#members.get(id);
      if (member !== undefined && hasRoom(member.facts, slots)) room.add(rank);
    });
    const slotClass = { slots, room, search: this.#newSearch([room]) };
    this.#classes.set(slots, slotClass);
    return slotClass;
  }

  #addNarrower(search: Search, requirement: Requirement): Search {
    // What is forgotten here stays correct for the query at hand: no set changes before it is answered.
    if (this.#searches >= MAX_SEARCHES || this.#predicates.size >= MAX_PREDICATES) this.#forget();
    const predicate = this.#predicates.get(requirement.text) ?? this.#addPredicate(requirement);
    const narrower = this.#newSearch([...search.sets, predicate.ranks]);
    search.narrower.set(requirement.text, narrower);
    return narrower;
  }

  #addPredicate(requirement: Requirement): Predicate {
    const ranks = new RankSet(this.#order.length);
    this.#order.forEach((id, rank) => {
      const member = this.#members.get(id);
      if (member !== undefined && satisfies(requirement, member.byName)) ranks.add(rank);
    });
    const predicate = { requirement, ranks };
    this.#predicates.set(requirement.text, predicate);
    return predicate;
  }

  #newSearch(sets: readonly RankSet[]): Search {
    this.#searches += 1;
    return { sets, from: 0, gainsSeen: this.#gainCount, narrower: new Map() };
  }

  #forget(): void {
    this.#classes.clear();
    this.#predicates.clear();
    this.#searches = 0;
  }

  /** Sets all bits of a rank by who holds it now. */
  #refresh(rank: number): void {
    const id = this.#order[rank];
    const member = id === undefined ? undefined : this.#members.get(id);
    for (const { room, slots } of this.#classes.values()) {
      this.#put(room, rank, member !== undefined && hasRoom(member.facts, slots));
    }
    for (const { ranks, requirement } of this.#predicates.values()) {
      this.#put(ranks, rank, member !== undefined && satisfies(requirement, member.byName));
    }
  }

  #put(set: RankSet, rank: number, wanted: boolean): void {
    if (set.has(rank) === wanted) return;
    if (!wanted) {
      set.delete(rank);
      return;
    }
    set.add(rank);
    this.#gains[this.#gainCount % GAINS] = rank >>> 5;
    this.#gainCount += 1;
  }

  #block(ids: readonly ServerId[]): void {
    for (const id of ids) {
      const rank = this.#ranks.get(id);
      if (rank !== undefined) this.#blocked.add(rank);
    }
  }

  #unblock(ids: readonly ServerId[]): void {
    for (const id of ids) {
      const rank = this.#ranks.get(id);
      if (rank !== undefined) this.#blocked.delete(rank);
    }
  }

  *#allSets(): Iterable<RankSet> {
    yield this.#blocked;
    for (const { room } of this.#classes.values()) yield room;
    for (const { ranks } of this.#predicates.values()) yield ranks;
  }
}

function hasRoom(facts: ServerFacts, slots: number): boolean {
  return facts.available && facts.freeSlots >= slots;
}
