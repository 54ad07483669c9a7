/**
 * One log of the audit as a leader keeps it: the newest entries, where the chain stands, and where what is kept begins. The latter two
 * are kept in a record of their own, written with each entry, so that the chain goes on through changes of leader, and entries that were
 * dropped for newer ones can be told from such as somebody took out.
 */
import {
  AUDIT_BEGIN,
  type AuditEntry,
  type AuditFacts,
  type AuditLogName,
  type AuditMark,
  type ChainEnd,
  linkedEntry,
} from '../../../shared/access/audit-chain.ts';
import { firstPast } from '../../../shared/sorted.ts';
import type { AuditHeadRecord } from '../records/audit-record.ts';

/** Entries of each log that are kept. */
export const AUDIT_KEPT = 10_000;

export class AuditChainLog {
  readonly name: AuditLogName;
  readonly #keep: number;
  #entries: AuditEntry[] = [];
  /** Entries before this place in the list are dropped. */
  #start = 0;
  #head: AuditMark = AUDIT_BEGIN;
  #dropped: AuditMark = AUDIT_BEGIN;

  constructor(name: AuditLogName, keep: number = AUDIT_KEPT) {
    this.name = name;
    this.#keep = keep;
  }

  /** Entries that are here. */
  get size(): number {
    return this.#entries.length - this.#start;
  }

  /** The newest entry that was ever written. */
  get head(): AuditMark {
    return this.#head;
  }

  /** The newest entry that was dropped for newer ones. */
  get dropped(): AuditMark {
    return this.#dropped;
  }

  get headRecord(): AuditHeadRecord {
    return { kind: 'audit_head', log: this.name, head: this.#head, dropped: this.#dropped };
  }

  /** Takes over what earlier leaders wrote; the entries oldest first. Before anything is added. */
  takeOver(entries: readonly AuditEntry[], record: AuditHeadRecord | undefined): readonly AuditEntry[] {
    this.#entries = [...entries];
    this.#dropped = record?.dropped ?? AUDIT_BEGIN;
    const last = entries.at(-1) ?? AUDIT_BEGIN;
    // A head that is not there, or behind, is damage that a verification shows; a number is never given twice because of it.
    this.#head = record !== undefined && record.head.number >= last.number ? record.head : last;
    return this.#drop();
  }

  /** Writes the next entry, and answers it with those that were dropped for it. */
  add(
    facts: AuditFacts,
    leader: Pick<ChainEnd, 'term' | 'incarnation'>,
  ): { readonly entry: AuditEntry; readonly dropped: readonly AuditEntry[] } {
    const entry = linkedEntry(facts, { ...leader, log: this.name, previous: this.#head });
    this.#head = { number: entry.number, hash: entry.hash };
    this.#entries.push(entry);
    return { entry, dropped: this.#drop() };
  }

  /** At most so many entries with greater numbers, oldest first. */
  after(number: number, max: number): readonly AuditEntry[] {
    const first = Math.max(
      this.#start,
      firstPast(this.#entries, number, (entry) => entry.number),
    );
    return this.#entries.slice(first, first + max);
  }

  /** Oldest first. */
  values(): readonly AuditEntry[] {
    return this.#entries.slice(this.#start);
  }

  #drop(): readonly AuditEntry[] {
    const excess = this.size - this.#keep;
    if (excess <= 0) return [];
    const dropped = this.#entries.slice(this.#start, this.#start + excess);
    this.#start += excess;
    const last = dropped.at(-1);
    if (last !== undefined) this.#dropped = { number: last.number, hash: last.hash };
    // The list is made anew only when half of it is gone, so that an entry costs the same however many are kept.
    if (this.#start > this.#keep) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    return dropped;
  }
}
