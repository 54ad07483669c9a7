/**
 * The audit as chains: each entry holds the hash of the one before it and a hash over everything it says, so nothing can be taken out,
 * changed, put in or put elsewhere without that showing to whoever has a later hash. There are two logs, each with a chain of its own:
 * what changed, and who was refused or read output; so refusals, of which anyone can make many, push out none of the changes. Pure.
 * Source: Haber and Stornetta, "How to time-stamp a digital document", 1991.
 */
import { firstOfIncarnation, incarnationOf } from '../ids.ts';
import { sha256 } from '../sha256.ts';

export const AUDIT_LOGS = ['CHANGES', 'ACCESS'] as const;
export type AuditLogName = (typeof AUDIT_LOGS)[number];

/**
 * CHANGE: a call was carried out that changed something. RESTORE: the store was set back, and goes on from there. DENIAL: somebody was
 * refused. READ: somebody was given the output of a run, or all records. LOST: what a controller could not tell apart any more.
 */
export const AUDIT_KINDS = ['CHANGE', 'RESTORE', 'DENIAL', 'READ', 'LOST'] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** What an entry says. Texts are empty where there is nothing to say. */
export interface AuditFacts {
  /** One of AUDIT_KINDS, or the word of a newer controller: it is hashed as it is written. */
  readonly kind: string;
  /** Who asked, in the words of the event log: `operator:ann`. */
  readonly principal: string;
  /** `locum.v1.PolicyService/StartPolicy`. */
  readonly method: string;
  /** Full name of what it was about: `policies/nightly`. */
  readonly resource: string;
  readonly requestId: string;
  /** `OK`, or the reason of the refusal. */
  readonly outcome: string;
  /** Address that it came from, as far as the controller sees. */
  readonly source: string;
  /** How many of the same kind this entry stands for. */
  readonly count: number;
  /** When the first of them was, wall-clock milliseconds. */
  readonly firstWall: number;
  /** When the last of them was. */
  readonly lastWall: number;
}

export interface AuditEntry extends AuditFacts {
  readonly log: AuditLogName;
  /** From 1, without gaps; each incarnation of the store begins above all numbers of the ones before it. */
  readonly number: number;
  /** Term of the leader that wrote it. */
  readonly term: number;
  /** Hash of the entry before it; of the first one empty. */
  readonly previousHash: string;
  /** SHA-256 of all of it, hexadecimal. */
  readonly hash: string;
}

/** An entry by what identifies it. Number 0, hash empty: before the first one. */
export interface AuditMark {
  readonly number: number;
  readonly hash: string;
}

/** Where a log stands, and where what is kept of it begins. */
export interface AuditHead {
  readonly log: AuditLogName;
  /** The newest entry. */
  readonly head: AuditMark;
  /** The newest that was dropped for newer ones: what is kept goes on from there. */
  readonly dropped: AuditMark;
}

export const AUDIT_BEGIN: AuditMark = { number: 0, hash: '' };

/** What is hashed: a JSON array of everything in a fixed order, without spaces. Anybody can compute it anew, in any language. */
export function canonicalText(entry: Omit<AuditEntry, 'hash'>): string {
  const { log, number, term, kind, principal, method, resource, requestId, outcome, source } = entry;
  const { count, firstWall, lastWall, previousHash } = entry;
  return JSON.stringify([
    ...['locum-audit-1', log, number, term, kind, principal, method, resource, requestId, outcome, source],
    ...[count, firstWall, lastWall, previousHash],
  ]);
}

/** The number that follows on another in a store of this incarnation. */
export const auditNumberAfter = (last: number, incarnation: number): number =>
  Math.max(last, firstOfIncarnation(incarnation)) + 1;

/** Where an entry is added, and who leads. */
export interface ChainEnd {
  readonly log: AuditLogName;
  readonly term: number;
  readonly incarnation: number;
  /** The newest entry. */
  readonly previous: AuditMark;
}

/** The entry that goes on from `previous`. */
export function linkedEntry(facts: AuditFacts, { log, term, incarnation, previous }: ChainEnd): AuditEntry {
  const number = auditNumberAfter(previous.number, incarnation);
  const unsigned = { ...facts, log, number, term, previousHash: previous.hash };
  return { ...unsigned, hash: sha256(canonicalText(unsigned)) };
}

/** What is wrong with a chain, and where. */
export interface AuditFault {
  /**
   * CHANGED: an entry does not have its hash. MISSING: numbers are left out. DISORDER: a number comes again, or too late. BROKEN: an entry
   * does not go on from the one before it.
   */
  readonly kind: 'CHANGED' | 'MISSING' | 'DISORDER' | 'BROKEN';
  readonly log: AuditLogName;
  /** The entry at which it shows. */
  readonly number: number;
  readonly message: string;
}

/** Entries that a restore undid: they were written, and the store went on from before them. */
export interface AuditUndone {
  readonly log: AuditLogName;
  readonly from: number;
  readonly to: number;
}

/** Follows one log, entry by entry. */
export class ChainVerifier {
  readonly #log: AuditLogName;
  /** Hashes of all so far: a restored store may go on from any of them. */
  readonly #numbers = new Map<string, number>();
  readonly #undone: AuditUndone[] = [];
  #last: AuditMark | undefined;
  #count = 0;

  /** `after`: the first entry must go on from here. Undefined: it may go on from anything, as that of an excerpt does. */
  constructor(log: AuditLogName, after?: AuditMark) {
    this.#log = log;
    this.#last = after;
    if (after !== undefined) this.#numbers.set(after.hash, after.number);
  }

  /** The newest; undefined: there was none. */
  get last(): AuditMark | undefined {
    return this.#last;
  }

  /** Entries that were right. */
  get count(): number {
    return this.#count;
  }

  get undone(): readonly AuditUndone[] {
    return this.#undone;
  }

  /** The number of an entry with this hash among all so far. */
  numberOf(hash: string): number | undefined {
    return this.#numbers.get(hash);
  }

  /** Takes the next entry. Undefined: it is right. */
  add(entry: AuditEntry): AuditFault | undefined {
    const fault = this.#judge(entry);
    if (fault !== undefined) return fault;
    this.#last = { number: entry.number, hash: entry.hash };
    this.#numbers.set(entry.hash, entry.number);
    this.#count += 1;
    return undefined;
  }

  #judge(entry: AuditEntry): AuditFault | undefined {
    const { number, hash } = entry;
    if (sha256(canonicalText(entry)) !== hash) return this.#fault('CHANGED', number, 'it does not have its hash');
    const last = this.#last ?? (number === 1 ? AUDIT_BEGIN : undefined);
    if (last === undefined) return undefined;
    if (number <= last.number) return this.#fault('DISORDER', number, `it comes after number ${last.number}`);
    const expected = auditNumberAfter(last.number, incarnationOf(number));
    if (number !== expected) return this.#fault('MISSING', number, `number ${expected} is not there`);
    if (entry.previousHash === last.hash) return undefined;
    return this.#goneBack(entry, last);
  }

  /** Only a restored store goes on from another entry than the newest. */
  #goneBack({ number, previousHash }: AuditEntry, last: AuditMark): AuditFault | undefined {
    const from = incarnationOf(number) > incarnationOf(last.number) ? this.#numbers.get(previousHash) : undefined;
    if (from === undefined) return this.#fault('BROKEN', number, `it does not go on from number ${last.number}`);
    const undone = auditNumberAfter(from, incarnationOf(last.number));
    this.#undone.push({ log: this.#log, from: undone, to: last.number });
    return undefined;
  }

  #fault(kind: AuditFault['kind'], number: number, why: string): AuditFault {
    return { kind, log: this.#log, number, message: `audit/${this.#log.toLowerCase()}/${number}: ${why}` };
  }
}
