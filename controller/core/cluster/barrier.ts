/**
 * The barrier: what may leave the core, and when. Answers, publications and commands wait for the commit that holds what
 * they say; commands wait, besides, for a check of the term that was begun after they were decided (semantics C1, C4).
 * A commit is guarded by the term, so it is such a check too. Grants wait for a check and for no commit.
 */
import type { Effect } from './effect.ts';

export interface BarrierOptions {
  /** At least this long between two checks. 0 for a store in this process. */
  readonly verifyIntervalMs: number;
  /** Commits that may be under way at once; further writes join the next one. */
  readonly maxCommitsInFlight: number;
}

/** A heartbeat that waits for the check that lets it be granted. */
export interface Uncovered<S> {
  readonly session: S;
  readonly sequence: number;
  readonly receivedMono: number;
}

export class Barrier<S> {
  readonly #options: BarrierOptions;
  /** Newest commit handed to the shell, and newest one reported durable. */
  #commitIssued = 0;
  #commitDurable = 0;
  /** Checks count together with commits, which are checks too. */
  #checkIssued = 0;
  #checkConfirmed = 0;
  /** Commit → the check that it is. */
  readonly #checkOfCommit = new Map<number, number>();
  #verifyUnderWay: number | undefined;
  #lastVerifyMono = Number.NEGATIVE_INFINITY;
  #checkWanted = false;
  #uncovered: Uncovered<S>[] = [];
  readonly #covers = new Map<number, Uncovered<S>[]>();
  readonly #held: { readonly needCommit: number; readonly effect: Effect }[] = [];

  constructor(options: BarrierOptions) {
    this.#options = options;
  }

  get commitIssued(): number {
    return this.#commitIssued;
  }

  get commitDurable(): number {
    return this.#commitDurable;
  }

  /** The commit that what is decided now depends on: the next one, if anything is going to be written. */
  get needCommit(): number {
    return this.#commitIssued + 1;
  }

  /** The check that what is decided now depends on: the next one. */
  needCheck(): number {
    this.#checkWanted = true;
    return this.#checkIssued + 1;
  }

  /** Whether a commit is durable, or will never be because nothing was written. `pending`: writes wait for a commit. */
  isDurable(needCommit: number, pending: boolean): boolean {
    if (needCommit <= this.#commitDurable) return true;
    return needCommit > this.#commitIssued && !pending && this.#commitDurable === this.#commitIssued;
  }

  isChecked(needCheck: number): boolean {
    return needCheck <= this.#checkConfirmed;
  }

  /** Holds an effect back until everything decided up to now is durable. They leave in order. */
  hold(effect: Effect): void {
    this.#held.push({ needCommit: this.needCommit, effect });
  }

  /** Takes the effects whose time has come. */
  release(pending: boolean): Effect[] {
    let count = 0;
    while (count < this.#held.length && this.isDurable(this.#held[count]?.needCommit ?? 0, pending)) count += 1;
    return this.#held.splice(0, count).map(({ effect }) => effect);
  }

  /** Notes a heartbeat that was received now. */
  cover(uncovered: Uncovered<S>): void {
    this.#uncovered.push(uncovered);
  }

  mayCommit(): boolean {
    return this.#commitIssued - this.#commitDurable < this.#options.maxCommitsInFlight;
  }

  /** Numbers a commit that is handed to the shell now. */
  issueCommit(): number {
    this.#commitIssued += 1;
    this.#checkOfCommit.set(this.#commitIssued, this.#issueCheck());
    return this.#commitIssued;
  }

  /** The number of a check to begin now, if one is wanted and due. */
  issueVerify(nowMono: number): number | undefined {
    const wanted = this.#checkWanted || this.#uncovered.length > 0;
    if (!wanted || this.#verifyUnderWay !== undefined || nowMono < this.verifyDueMono()) return undefined;
    this.#lastVerifyMono = nowMono;
    this.#verifyUnderWay = this.#issueCheck();
    return this.#verifyUnderWay;
  }

  /** When the next check may begin. */
  verifyDueMono(): number {
    return this.#lastVerifyMono + this.#options.verifyIntervalMs;
  }

  /** Whether a check waits only for its time. */
  verifyWaits(): boolean {
    return (this.#checkWanted || this.#uncovered.length > 0) && this.#verifyUnderWay === undefined;
  }

  /** A commit is durable; answers the heartbeats that it covers. */
  committed(commit: number): readonly Uncovered<S>[] {
    this.#commitDurable = Math.max(this.#commitDurable, commit);
    const check = this.#checkOfCommit.get(commit);
    this.#checkOfCommit.delete(commit);
    return check === undefined ? [] : this.#confirm(check);
  }

  /** The term was verified; answers the heartbeats that this covers. */
  verified(check: number): readonly Uncovered<S>[] {
    if (this.#verifyUnderWay === check) this.#verifyUnderWay = undefined;
    return this.#confirm(check);
  }

  #issueCheck(): number {
    this.#checkIssued += 1;
    this.#checkWanted = false;
    if (this.#uncovered.length > 0) {
      this.#covers.set(this.#checkIssued, this.#uncovered);
      this.#uncovered = [];
    }
    return this.#checkIssued;
  }

  /** A check that was begun later confirms the earlier ones: a term that is current now was current then. */
  #confirm(check: number): readonly Uncovered<S>[] {
    this.#checkConfirmed = Math.max(this.#checkConfirmed, check);
    const covered: Uncovered<S>[] = [];
    for (const [number, waiting] of this.#covers) {
      if (number > check) break;
      covered.push(...waiting);
      this.#covers.delete(number);
    }
    return covered;
  }
}
