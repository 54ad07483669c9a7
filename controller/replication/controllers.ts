/** The controllers that share the store: who is there, and who leads. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocumError, notFound } from '../../shared/errors.ts';
import type { Handover } from '../leadership/role.ts';
import type { Store } from '../store/store.ts';
import { type Candidate, decodeCandidate, type KnownLeader } from './candidate.ts';
import type { LeaderView } from './leader-view.ts';

export interface ControllersOptions {
  readonly store: Pick<Store, 'members' | 'leader'>;
  readonly view: LeaderView;
  /** Ends this controller's term. */
  readonly handOver: (handover: Handover) => Promise<void>;
}

export interface ControllerSeen extends Candidate {
  /** Of the leader only. */
  readonly term: number | undefined;
  readonly silentMs: number;
}

export interface TransferRequest {
  /** Id of the next leader. Undefined: any other one. */
  readonly to: string | undefined;
  /** Undefined: whatever the term is. */
  readonly term: number | undefined;
  readonly signal: AbortSignal;
}

/** Between two looks at who is there, so that one that dies unseen is missed all the same. */
const LOOK_MS = 10_000;
/** How long one that is gone is told of: a controller that was taken away for good must not be a warning for ever. */
const REMEMBERED_MS = 24 * 3_600_000;
/** At most so many; containers may give each life a name of its own. */
const REMEMBERED_MAX = 64;

/** How long a controller that handed over does not stand for election, unless somebody else leads before. */
const REST_MS = 5_000;
/** How long the answer waits for the next leader: less than careful clients wait for one answer. */
const NEXT_MS = 2_000;

export class Controllers {
  readonly #options: ControllersOptions;
  /** When each was seen last, by this controller's monotonic clock. */
  readonly #seen = new Map<string, number>();

  constructor(options: ControllersOptions) {
    this.#options = options;
  }

  /** Looks every few seconds who is there. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A store that does not answer is told elsewhere.
      await this.list().catch(() => undefined);
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Controllers that were there within a day, as far as this one saw, and are not now. */
  gone(): readonly { readonly id: string; readonly agoMs: number }[] {
    const now = performance.now();
    const newest = this.#lookedMs;
    return [...this.#seen].filter(([, seenMs]) => seenMs < newest).map(([id, seenMs]) => ({ id, agoMs: now - seenMs }));
  }

  /** Ids of those that were there at the last look. */
  get present(): readonly string[] {
    const newest = this.#lookedMs;
    return [...this.#seen].filter(([, seenMs]) => seenMs === newest).map(([id]) => id);
  }

  get #lookedMs(): number {
    return Math.max(0, ...this.#seen.values());
  }

  #note(ids: readonly string[]): void {
    const now = performance.now();
    for (const id of ids) {
      this.#seen.delete(id);
      this.#seen.set(id, now);
    }
    // Seen longest ago comes first.
    for (const [id, seenMs] of this.#seen) {
      if (seenMs > now - REMEMBERED_MS && this.#seen.size <= REMEMBERED_MAX) return;
      this.#seen.delete(id);
    }
  }

  /** The leader first, then by id. @throws StoreError */
  async list(): Promise<ControllerSeen[]> {
    const { store } = this.#options;
    const [members, leader] = await Promise.all([store.members(), store.leader()]);
    const found = members.map(({ candidate, silentMs }): ControllerSeen => {
      const term = candidate === leader?.candidate ? leader.term : undefined;
      return { ...decodeCandidate(candidate), term, silentMs };
    });
    this.#note(found.map(({ id }) => id));
    return found.sort((a, b) => (b.term ?? 0) - (a.term ?? 0) || (a.id < b.id ? -1 : 1));
  }

  /**
   * Gives the lead of this controller to another one. Answers with who leads then; undefined: nobody yet.
   * @throws LocumError ETAG_MISMATCH, NOT_FOUND, TARGET_NOT_ELIGIBLE, NOT_LEADER; StoreError
   */
  async transfer({ to, term, signal }: TransferRequest): Promise<KnownLeader | undefined> {
    const { store, view, handOver } = this.#options;
    const [members, leader] = await Promise.all([store.members(), store.leader()]);
    if (leader === undefined) throw new LocumError('NOT_LEADER', 'nobody leads just now', { retryAfterMs: 500 });
    if (term !== undefined && term !== leader.term) {
      const message = `term ${term} is over, it is ${leader.term} now: the lead has been handed over already, or lost`;
      throw new LocumError('ETAG_MISMATCH', message);
    }
    const others = members.filter(({ candidate }) => candidate !== leader.candidate);
    const next = to === undefined ? undefined : members.find(({ candidate }) => decodeCandidate(candidate).id === to);
    if (to !== undefined && next === undefined) throw notFound(`controllers/${to}`);
    // It has what was asked for.
    if (next?.candidate === leader.candidate) return { ...decodeCandidate(leader.candidate), term: leader.term };
    if (others.length === 0) {
      throw new LocumError('TARGET_NOT_ELIGIBLE', 'there is no other controller: start one, then repeat');
    }
    const nextLeader = (): KnownLeader | undefined =>
      view.leader !== undefined && view.leader.term > leader.term ? view.leader : undefined;
    const rest = (closing: AbortSignal): Promise<unknown> =>
      view.when(nextLeader, AbortSignal.any([closing, AbortSignal.timeout(REST_MS)]));
    await handOver({ to: next?.candidate, rest });
    return view.when(nextLeader, AbortSignal.any([signal, AbortSignal.timeout(NEXT_MS)]));
  }
}
