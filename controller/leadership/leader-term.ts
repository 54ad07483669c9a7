/**
 * One term of leadership: the core with everything that lives and dies with it. A leader that steps down drops all of it; the next
 * term begins with what the store holds.
 */
import { LocumError } from '../../shared/errors.ts';
import { incarnationOf } from '../../shared/ids.ts';
import { MIB } from '../../shared/limits.ts';
import type { Now } from '../../shared/time.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { AdminCall, CallValue, Event } from '../core/cluster/event.ts';
import type { StateRecord } from '../core/records/state.ts';
import { acknowledgedState } from '../engine/acknowledged-state.ts';
import type { Agenda, Planned } from '../engine/agenda.ts';
import type { Clock } from '../engine/clock.ts';
import { Committer, type StoreTrouble } from '../engine/committer.ts';
import { type AgentStreamsPort, Performer } from '../engine/effects.ts';
import { Loop, type SteppedCore } from '../engine/loop.ts';
import { type Caller, overloaded, PendingCalls } from '../engine/pending-calls.ts';
import { SharedCheck } from '../engine/shared-check.ts';
import type { StoreStatus } from '../engine/store-status.ts';
import { WatchHub } from '../engine/watch-hub.ts';
import type { ControllerMetrics } from '../metrics.ts';
import { CopyUnderWay, copyInSlices, type StateCopy } from '../snapshot/state-copy.ts';
import type { TermStore } from '../store/store.ts';

/** Is told what becomes of a term: at once, in the turn in which it shows. */
export interface LeaderTermOwner {
  /** The mailbox has room again after it refused events. */
  room(): void;
  /** The store stopped taking writes, or takes them again (undefined). */
  trouble(trouble: StoreTrouble | undefined): void;
  /** The term is over in the store, or should be. The owner ends this one. */
  stepDown(reason: string): void;
  /** A defect of ours: the process must end, the store has what was acknowledged. */
  fatal(error: unknown): void;
}

export interface LeaderTermOptions {
  readonly store: TermStore;
  readonly term: number;
  /** Revision at which the store was loaded. */
  readonly revision: number;
  /** A core that nothing was stepped in yet. */
  readonly core: SteppedCore;
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly agents: AgentStreamsPort;
  readonly metrics: Pick<ControllerMetrics, 'committed' | 'lagged'>;
  /** Records that make a commit of a good size; see `Loop`. */
  readonly recordsPerCommit: number;
  /** See `Committer`. */
  readonly encode?: (record: StateRecord) => Uint8Array;
  readonly owner: LeaderTermOwner;
}

/** How long calls and reads wait for a store that takes no writes. */
const TROUBLE_PATIENCE_MS = 2_000;

/** Calls that come while about so much waits for the store are refused: clients can't make a leader run ahead until it has to step down. */
const CALLS_STOP_BYTES = 64 * MIB;

/** A store that has taken no writes for too long. */
interface Stuck {
  /** What reads of the leader's own state are refused with. */
  readonly unreadable: LocumError;
  /** What the store has, once somebody asked. */
  acknowledged: Promise<ClusterState> | undefined;
}

/** What a call says besides its request. */
export type CallDetails = Pick<
  AdminCall,
  'actor' | 'warrant' | 'origin' | 'requestId' | 'fingerprint' | 'validateOnly' | 'ifPlan' | 'request'
>;

export class LeaderTerm {
  readonly term: number;
  readonly hub: WatchHub;
  readonly #options: LeaderTermOptions;
  readonly #loop: Loop;
  readonly #calls = new PendingCalls();
  readonly #committer: Committer;
  readonly #termCheck: SharedCheck<boolean>;
  readonly #copies = new Set<CopyUnderWay>();
  #committedRevision: number | undefined;
  #patience: Planned | undefined;
  #stuck: Stuck | undefined;

  constructor(options: LeaderTermOptions) {
    const { store, term, core, clock, agenda, metrics, owner } = options;
    this.#options = options;
    this.term = term;
    this.hub = new WatchHub({ revision: options.revision, incarnation: incarnationOf(term) });
    this.#termCheck = new SharedCheck(() => store.verifyTerm(term));
    this.#committer = new Committer({
      store,
      term,
      mono: () => clock().mono,
      agenda,
      encode: options.encode,
      owner: {
        committed: ({ number: commit, writes }, revision, tookMs) => {
          metrics.committed(tookMs);
          for (const copy of this.#copies) copy.committed(writes);
          this.#committedRevision = revision;
          this.hub.advance(revision);
          this.#loop.postOwn({ kind: 'committed', commit });
        },
        verified: (check) => this.#loop.postOwn({ kind: 'term_verified', check }),
        deposed: (detail) => owner.stepDown(detail),
        refused: (detail) => this.#refused(detail),
        trouble: (trouble) => this.#setTrouble(trouble),
      },
    });
    const performer = new Performer({
      committer: this.#committer,
      agents: options.agents,
      calls: this.#calls,
      hub: this.hub,
    });
    this.#loop = new Loop({
      core,
      clock,
      agenda,
      recordsPerCommit: options.recordsPerCommit,
      owner: {
        perform: (effects, now) => performer.perform(effects, now),
        fatal: (error) => owner.fatal(error),
        room: () => owner.room(),
        pulse: (lateMs) => metrics.lagged(lateMs),
        overflow: ({ pendingRecords, pendingBytes }) => {
          const what = `${pendingRecords} changes (${Math.ceil(pendingBytes / MIB)} MiB)`;
          owner.stepDown(`${what} wait for the store, which is more than may be lost at once`);
        },
      },
    });
  }

  /** What the core owns; for looking only, and only at things that need not be durable. Answers of the API use `read`. */
  get state(): ClusterState {
    return this.#options.core.state;
  }

  /** Revision of the newest commit of this term. Undefined: there was none. */
  get committedRevision(): number | undefined {
    return this.#committedRevision;
  }

  get mailboxDepth(): number {
    return this.#loop.depth;
  }

  get pendingCalls(): number {
    return this.#calls.size;
  }

  get trouble(): StoreTrouble | undefined {
    return this.#committer.trouble;
  }

  get storeStatus(): StoreStatus {
    const { core, clock } = this.#options;
    const { records, bytes, sinceMono } = this.#committer.underWay;
    return {
      trouble: this.trouble,
      waitingRecords: core.pendingRecords + records,
      waitingBytes: core.pendingBytes + bytes,
      waitingMs: sinceMono === undefined ? undefined : clock().mono - sinceMono,
    };
  }

  /** The first event of a term. */
  elect(event: Extract<Event, { kind: 'elected' }>): void {
    this.#loop.postOwn(event);
  }

  /** Posts what an agent said. False: the mailbox is full; post it again when the owner is told of room. */
  post(event: Event): boolean {
    return this.#loop.post(event);
  }

  /**
   * The core's answer to a call, once it is durable.
   * @throws LocumError the core's refusal; STORE_FULL or STORE_UNAVAILABLE; OVERLOADED; NOT_LEADER
   */
  call(details: CallDetails): Promise<CallValue> {
    return new Promise((resolve, reject) => this.ask(details, { resolve, reject }));
  }

  /** As `call`, for one that waits without a promise. @throws LocumError what the call is refused with before the core has it */
  ask(details: CallDetails, caller: Caller): void {
    const { trouble } = this;
    if (trouble !== undefined && !details.validateOnly) throw refusedBy(trouble);
    if (this.#options.core.pendingBytes > CALLS_STOP_BYTES && !details.validateOnly) {
      throw overloaded('more waits for the store than it takes in at once');
    }
    const call = this.#calls.open(caller);
    if (!this.#loop.post({ kind: 'call', call, ...details })) {
      this.#calls.drop(call);
      throw overloaded('the controller has more to do than it can');
    }
  }

  /**
   * Looks at the state and answers once what was seen is durable; while the store is full, at what it has. `look` must not keep parts of
   * the state, nor change anything: what it saw at first may be thrown away. @throws LocumError NOT_LEADER, STORE_UNAVAILABLE
   */
  async read<T>(look: (state: ClusterState, now: Now) => T): Promise<T> {
    try {
      return await this.#loop.read(look);
    } catch (error) {
      if (this.#stuck === undefined || error !== this.#stuck.unreadable) throw error;
      return look(await this.#acknowledged(this.#stuck), this.#options.clock());
    }
  }

  /** Everything as it is in the store after one commit, not before the call; while the store is full, what it has. @throws as `read` */
  async copy(): Promise<StateCopy> {
    const copy = new CopyUnderWay();
    this.#copies.add(copy);
    try {
      const seen = await copyInSlices(this.state);
      // What was seen of changes that wait for the store is in no commit before this answers.
      await this.#loop.read(() => undefined);
      return copy.over(seen);
    } catch (error) {
      if (this.#stuck === undefined || error !== this.#stuck.unreadable) throw error;
      return await copyInSlices(await this.#acknowledged(this.#stuck));
    } finally {
      this.#copies.delete(copy);
    }
  }

  /** Rejects with the refusal of reads when the store can't say either. */
  #acknowledged(stuck: Stuck): Promise<ClusterState> {
    const { store, clock } = this.#options;
    if (stuck.unreadable.reason !== 'STORE_FULL') return Promise.reject(stuck.unreadable);
    stuck.acknowledged ??= acknowledgedState(store, this.state, clock()).catch(() => {
      stuck.acknowledged = undefined;
      throw stuck.unreadable;
    });
    return stuck.acknowledged;
  }

  /**
   * Resolves when a check of the store, begun after the call, has found this term to be the newest: what was read before the call was
   * then what the newest leader knows. @throws LocumError NOT_LEADER, STORE_UNAVAILABLE
   */
  async confirmTerm(): Promise<void> {
    let current: boolean;
    try {
      current = await this.#termCheck.begunFromNow();
    } catch (error) {
      const message = 'the store does not answer, so nobody knows who leads: repeat in a moment';
      throw new LocumError('STORE_UNAVAILABLE', message, { retryAfterMs: 1_000, cause: error });
    }
    if (current) return;
    this.#options.owner.stepDown('the store says that another controller leads');
    throw new LocumError('NOT_LEADER', 'another controller leads: repeat in a moment', { retryAfterMs: 500 });
  }

  /** Drops everything; reads and watches under way get `error`, calls that nobody knows what became of them. */
  end(error: LocumError): void {
    this.#patience?.cancel();
    this.#committer.end();
    this.#loop.end(error);
    this.#calls.failAll(outcomeUnknown(error));
    this.hub.close(error);
  }

  #setTrouble(trouble: StoreTrouble | undefined): void {
    this.#patience?.cancel();
    this.#stuck = undefined;
    this.#loop.refuseReads(undefined);
    if (trouble !== undefined) {
      this.#patience = this.#options.agenda.after(TROUBLE_PATIENCE_MS, () => this.#giveUp(trouble));
    }
    this.#options.owner.trouble(trouble);
  }

  /** None of the calls that wait was applied: each waits for this commit, or for one after it. */
  #refused(detail: string): void {
    const message = `${detail}; nothing was changed by this call, nor by those beside it`;
    this.#calls.failAll(new LocumError('RECORD_TOO_LARGE', message));
    this.#options.owner.stepDown(`a commit can never be made: ${detail}`);
  }

  /** Nobody waits longer: what is stuck stays first in line for the store, and may still happen. */
  #giveUp(trouble: StoreTrouble): void {
    this.#calls.failAll(stuckBehind(trouble));
    this.#stuck = { unreadable: unreadableBehind(trouble), acknowledged: undefined };
    this.#loop.refuseReads(this.#stuck.unreadable);
  }
}

function outcomeUnknown(error: LocumError): LocumError {
  const message = `${error.message}; this call may have been applied or not: look, or repeat it with the same request_id`;
  return new LocumError('OUTCOME_UNKNOWN', message, { retryAfterMs: error.retryAfterMs });
}

/** What to do about it. */
export const adviceFor = ({ reason }: StoreTrouble): string =>
  reason === 'STORE_FULL' ? 'make space for the store' : 'look after the store';

function refusedBy(trouble: StoreTrouble): LocumError {
  const { reason, detail } = trouble;
  const message = `the store takes no writes (${detail}); nothing was changed: ${adviceFor(trouble)}, then repeat the call`;
  return new LocumError(reason, message, { retryAfterMs: 1_000 });
}

function stuckBehind(trouble: StoreTrouble): LocumError {
  const { reason, detail } = trouble;
  const message =
    `the store takes no writes (${detail}); this call may still be applied when it does: ${adviceFor(trouble)}, ` +
    'then repeat the call with the same request_id';
  return new LocumError(reason, message, { retryAfterMs: 1_000, metadata: { outcome: 'unknown' } });
}

function unreadableBehind(trouble: StoreTrouble): LocumError {
  const { reason, detail } = trouble;
  const message = `the store takes no writes (${detail}), and what would be shown is not in it yet: ${adviceFor(trouble)}`;
  return new LocumError(reason, message, { retryAfterMs: 1_000 });
}
