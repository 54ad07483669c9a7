/**
 * What happens in front of the core and belongs into the audit, summed up until it is handed over: equal things are one note with a count.
 * Anybody can be refused as often as he likes; so of refusals a few are told apart at a time, the rest is counted, and the longer it goes
 * on, the more seldom it is told: 17 entries each 10 minutes at most. No clock of its own.
 */
import type { AuditFacts } from '../../shared/access/audit-chain.ts';
import { cut, printable } from '../../shared/printable.ts';

/** DENIAL: refused. READ: was given output, or all records. CHANGE: what is changed beside the core, as who leads. */
export type NotedKind = 'DENIAL' | 'READ' | 'CHANGE';

/** What a note says besides how often and when. */
export type Noted = Pick<AuditFacts, 'principal' | 'method' | 'resource' | 'requestId' | 'outcome' | 'source'>;

export interface TallyLimits {
  /** Notes that are told apart until they are taken. */
  readonly apart: number;
  /** Time between two takes, milliseconds. */
  readonly everyMs: number;
  /** The longest time between two takes, while there was always more than could be told apart. */
  readonly atMostEveryMs: number;
}

const DENIALS: TallyLimits = { apart: 16, everyMs: 5_000, atMostEveryMs: 600_000 };
/** Those who may read are known, and what they read is told apart. */
const OTHERS: TallyLimits = { apart: 500, everyMs: 5_000, atMostEveryMs: 5_000 };

/** Texts of a note come from outside. */
const TEXT_CHARACTERS = 128;

export class AccessNotes {
  readonly #denials: Tally;
  readonly #others: Tally;

  constructor(denials: TallyLimits = DENIALS, others: TallyLimits = OTHERS) {
    this.#denials = new Tally(denials);
    this.#others = new Tally(others);
  }

  /** Things that were noted and not taken yet. */
  get untold(): number {
    return this.#denials.untold + this.#others.untold;
  }

  note(kind: NotedKind, noted: Noted, wall: number): void {
    const tally = kind === 'DENIAL' ? this.#denials : this.#others;
    tally.add(kind, printed(noted), wall);
  }

  /** Takes what it is time to tell; all of it at the end. */
  take(mono: number, { all = false } = {}): readonly AuditFacts[] {
    return [...this.#others.take(mono, all), ...this.#denials.take(mono, all)];
  }
}

class Tally {
  readonly #limits: TallyLimits;
  #notes = new Map<string, AuditFacts>();
  /** What could not be told apart. */
  #lost: AuditFacts | undefined;
  #waitMs: number;
  #dueMono = 0;

  constructor(limits: TallyLimits) {
    this.#limits = limits;
    this.#waitMs = limits.everyMs;
  }

  get untold(): number {
    let count = this.#lost?.count ?? 0;
    for (const note of this.#notes.values()) count += note.count;
    return count;
  }

  add(kind: NotedKind, noted: Noted, wall: number): void {
    const key = JSON.stringify([kind, ...Object.values(noted)]);
    const known = this.#notes.get(key);
    if (known === undefined && this.#notes.size >= this.#limits.apart) {
      this.#lost = oneMore(this.#lost, { kind: 'LOST', ...NOBODY, outcome: kind }, wall);
      return;
    }
    this.#notes.set(key, oneMore(known, { kind, ...noted }, wall));
  }

  take(mono: number, all: boolean): readonly AuditFacts[] {
    if (mono < this.#dueMono && !all) return [];
    const { everyMs, atMostEveryMs } = this.#limits;
    const taken = [...this.#notes.values(), ...(this.#lost === undefined ? [] : [this.#lost])];
    this.#waitMs = this.#lost === undefined ? everyMs : Math.min(2 * this.#waitMs, atMostEveryMs);
    this.#dueMono = mono + this.#waitMs;
    this.#notes = new Map();
    this.#lost = undefined;
    return taken;
  }
}

const NOBODY = { principal: '', method: '', resource: '', requestId: '', source: '' } as const;

const oneMore = (known: AuditFacts | undefined, first: Noted & { readonly kind: string }, wall: number): AuditFacts =>
  known === undefined
    ? { ...first, count: 1, firstWall: wall, lastWall: wall }
    : { ...known, count: known.count + 1, lastWall: Math.max(known.lastWall, wall) };

const text = (of: string): string => cut(printable(of), TEXT_CHARACTERS);

/** Texts that came from outside, made harmless and short. */
export const printed = ({ principal, method, resource, requestId, outcome, source }: Noted): Noted => ({
  ...{ principal: text(principal), method: text(method), resource: text(resource) },
  ...{ requestId: text(requestId), outcome: text(outcome), source: text(source) },
});
