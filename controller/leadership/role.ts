/** What this controller is among those that share its store: who leads, as far as it knows. One value, watched. */
import { Watched } from '../../shared/watched.ts';
import type { KnownLeader } from '../replication/candidate.ts';
import type { LeaderTerm } from './leader-term.ts';

/** How a leader gives its term to another one. */
export interface Handover {
  /** The candidate that is to lead next. Undefined: any other one. */
  readonly to: string | undefined;
  /** Until it resolves, this controller stays out of the elections. */
  readonly rest: (signal: AbortSignal) => Promise<unknown>;
}

/** It leads. */
export interface Leading {
  readonly kind: 'LEADING';
  readonly leaderTerm: LeaderTerm;
  /** Ends the term once the calls under way are answered, and stays out of the next elections. */
  readonly handOver: (handover: Handover) => Promise<void>;
}

/** Another one leads. */
export interface Following {
  readonly kind: 'FOLLOWING';
  readonly leader: KnownLeader;
  /** Whether it is there is not known just now: nobody should be sent there. */
  readonly isDoubted: boolean;
  /** Why the store does not answer. Undefined: it does. */
  readonly storeProblem: string | undefined;
}

/** Nobody leads, or nobody knows who. */
export interface Leaderless {
  readonly kind: 'LEADERLESS';
  /** Why the store does not answer. Undefined: it does. */
  readonly storeProblem: string | undefined;
}

export type Role = Leading | Following | Leaderless;

const LEADERLESS: Leaderless = { kind: 'LEADERLESS', storeProblem: undefined };

/** The role, put together from the election that is won here and from what is seen of the others. */
export class RoleWatch {
  readonly #role = new Watched<Role>(LEADERLESS);
  #leading: Leading | undefined;
  /** While this controller does not lead. */
  #otherwise: Following | Leaderless = LEADERLESS;
  #isLeaving = false;

  get now(): Role {
    return this.#role.value;
  }

  /** Whether this controller leads and takes calls. */
  get leads(): boolean {
    return this.#leading !== undefined && !this.#isLeaving;
  }

  /** The role now and after each change, until the signal aborts. */
  changes(signal: AbortSignal): AsyncIterable<Role> {
    return this.#role.values(signal);
  }

  /** A term begins. */
  lead(leading: Omit<Leading, 'kind'>): void {
    this.#leading = { kind: 'LEADING', ...leading };
    this.#isLeaving = false;
    this.#tell();
  }

  /** The term takes no new calls: it is about to end. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** The term is over, if there was one. */
  termOver(): void {
    this.#leading = undefined;
    this.#isLeaving = false;
    this.#tell();
  }

  /** What is seen of the others; it is the role while this controller does not lead. */
  see(seen: Following | Leaderless): void {
    if (isSame(seen, this.#otherwise)) return;
    this.#otherwise = seen;
    this.#tell();
  }

  #tell(): void {
    this.#role.set(this.#leading ?? this.#otherwise);
  }
}

function isSame(a: Following | Leaderless, b: Following | Leaderless): boolean {
  if (a.storeProblem !== b.storeProblem) return false;
  if (a.kind === 'LEADERLESS' || b.kind === 'LEADERLESS') return a.kind === b.kind;
  return a.leader === b.leader && a.isDoubted === b.isDoubted;
}
