/**
 * Campaign, load, lead, and again. A leader's term begins with what the store holds and ends when the store's does: because the core or the
 * store says so, or because this controller is closed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocumError } from '../../shared/errors.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import { decodeRecord } from '../codec/record.ts';
import type { Keep } from '../core/cluster/cluster.ts';
import { Core } from '../core/core.ts';
import type { StateRecord } from '../core/records/state.ts';
import { systemAgenda } from '../engine/agenda.ts';
import type { Clock } from '../engine/clock.ts';
import type { StoreTrouble } from '../engine/committer.ts';
import { createScheduleReader } from '../engine/schedules.ts';
import type { ControllerMetrics } from '../metrics.ts';
import { type Identity, type Snapshot, type Store, StoreError, type WonTerm } from '../store/store.ts';
import { LeaderTerm } from './leader-term.ts';
import type { Handover, RoleWatch } from './role.ts';

export interface LeadershipOptions {
  readonly store: Store;
  /** Name of this controller among the candidates. */
  readonly candidate: string;
  readonly clock: Clock;
  readonly agents: AgentStreams;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  /** Version of the controller. */
  readonly version: string;
  readonly initialTimers: Timers;
  /** How much is kept of what is over. Default: that of the core. */
  readonly keep?: Keep | undefined;
  /** How long a silent leader keeps the lead. Default: that of the core. */
  readonly electionTtlMs?: number | undefined;
  /** Is told when a term begins (calls are answered), and when it ends. */
  readonly role: RoleWatch;
  /** Ends the process, for a defect of ours. */
  readonly fail: (error: unknown) => void;
}

/** Between two tries to be elected by a store that is full. */
const FULL_PAUSE_MS = 1_000;
/** How long the calls under way at the end of a term have for their answers. */
const ANSWER_MS = 1_000;

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #closing = new AbortController();
  readonly #firstTerm = Promise.withResolvers<void>();
  #leaderTerm: LeaderTerm | undefined;
  #ledOnce = false;
  #ended: Promise<void> | undefined;
  #endTerm: ((reason: string) => void) | undefined;
  #handover: Handover | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get leaderTerm(): LeaderTerm | undefined {
    return this.#leaderTerm;
  }

  /** Whether this controller leads and takes calls. */
  get leads(): boolean {
    return this.#options.role.leads;
  }

  /** Ends the term once the calls under way are answered, and stays out of the next elections. Does nothing without a term. */
  async handOver(handover: Handover): Promise<void> {
    if (!this.leads) return;
    const leaderTerm = this.#leaderTerm;
    this.#options.role.leave();
    await this.#answerCalls();
    // It has ended by itself meanwhile; the next one is not what was to be handed over.
    if (this.#leaderTerm !== leaderTerm) return;
    this.#handover = handover;
    this.#endTerm?.('it is handed over');
  }

  /** Starts to campaign. Resolves when this controller leads for the first time. @throws StoreError when the store can't be read */
  start(): Promise<void> {
    this.#ended ??= this.#run().catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      // Before the first term it is the answer of `start`; later nobody but the process can act on it.
      if (this.#ledOnce) this.#options.fail(error);
      this.#firstTerm.reject(error);
    });
    return this.#firstTerm.promise;
  }

  /** Ends the term, if there is one, and gives it back so that the next leader need not wait. */
  async close(): Promise<void> {
    this.#options.role.leave();
    await this.#answerCalls();
    this.#closing.abort(
      new LocumError('NOT_LEADER', 'this controller is shutting down: ask the next one', { retryAfterMs: 1_000 }),
    );
    await this.#ended;
    await this.#options.store.resign();
  }

  async #run(): Promise<void> {
    const { store, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const won = await this.#campaign();
      const snapshot = await this.#load();
      if (snapshot === undefined) continue;
      const reason = await this.#leadUntilOver(won, await store.identity(), snapshot);
      if (signal.aborted) return;
      log.warn({ term: won.term }, `leadership ended: ${reason}`);
      const handover = this.#handover;
      this.#handover = undefined;
      await store.resign(handover?.to === undefined ? {} : { to: handover.to });
      await handover?.rest(signal);
    }
  }

  /** A store without space makes nobody the leader; whoever gave up would be missed when it has some again. */
  async #campaign(): Promise<WonTerm> {
    const { store, candidate, log } = this.#options;
    const { signal } = this.#closing;
    for (let told = false; ; told = true) {
      try {
        return await store.campaign(candidate, signal);
      } catch (error) {
        if (signal.aborted || !(error instanceof StoreError) || error.reason !== 'STORE_FULL') throw error;
        if (!told) log.error({ err: error }, 'this controller can not lead: the store is full');
        await sleep(FULL_PAUSE_MS, undefined, { signal });
      }
    }
  }

  /** Undefined: the store does not answer any more; whoever can read it should lead. */
  async #load(): Promise<Snapshot | undefined> {
    const { store, log } = this.#options;
    try {
      return await store.load();
    } catch (error) {
      const passes = store.kind === 'etcd' && error instanceof StoreError && error.reason === 'STORE_UNAVAILABLE';
      if (!passes) throw error;
      log.error({ err: error }, 'elected, but the store can not be read');
      await store.resign();
      return undefined;
    }
  }

  async #answerCalls(): Promise<void> {
    const giveUpMs = performance.now() + ANSWER_MS;
    while ((this.#leaderTerm?.pendingCalls ?? 0) > 0 && performance.now() < giveUpMs) await sleep(5);
  }

  /** Resolves with why the term is over. */
  #leadUntilOver({ term, lost }: WonTerm, identity: Identity, snapshot: Snapshot): Promise<string> {
    const { clock, agents, metrics, log, version, initialTimers, electionTtlMs, keep, store, role } = this.#options;
    const over = Promise.withResolvers<string>();
    this.#endTerm = over.resolve;
    const records = snapshot.records.map(({ key, value }) => decodeRecord(key, value));
    const leaderTerm = new LeaderTerm({
      store,
      term,
      revision: snapshot.revision,
      core: new Core({
        version,
        initialTimers,
        electionTtlMs,
        keep,
        schedules: createScheduleReader(),
        // An embedded store answers before the next turn: nothing is gained by waiting, or by several commits under way.
        verifyIntervalMs: store.kind === 'etcd' ? 100 : 0,
        maxCommitsInFlight: 1,
      }),
      clock,
      agenda: systemAgenda,
      agents,
      metrics,
      // What fits into one transaction of etcd; SQLite takes more for the same fsync.
      recordsPerCommit: store.kind === 'etcd' ? 100 : 1_000,
      owner: {
        room: () => agents.resume(),
        trouble: (trouble) => this.#logTrouble(trouble),
        stepDown: (reason) => over.resolve(reason),
        fatal: (error) => this.#options.fail(error),
      },
    });
    const { signal } = this.#closing;
    const onLost = (): void => over.resolve(String(lost.reason));
    const onClosing = (): void => over.resolve('this controller is closed');
    lost.addEventListener('abort', onLost, { once: true });
    signal.addEventListener('abort', onClosing, { once: true });
    if (lost.aborted) onLost();
    if (signal.aborted) onClosing();

    leaderTerm.elect({
      kind: 'elected',
      term,
      ...identity,
      firstOfIncarnation: isFirstOfIncarnation(records, identity.incarnation),
      records,
    });
    log.info({ term, cluster: identity.clusterId, records: records.length }, 'this controller leads');
    this.#leaderTerm = leaderTerm;
    this.#ledOnce = true;
    metrics.source = leaderTerm;
    agents.attach(leaderTerm);
    role.lead({ leaderTerm, handOver: (handover) => this.handOver(handover) });
    this.#firstTerm.resolve();

    return over.promise.then((reason) => {
      lost.removeEventListener('abort', onLost);
      signal.removeEventListener('abort', onClosing);
      this.#end(leaderTerm, reason);
      return reason;
    });
  }

  #logTrouble(trouble: StoreTrouble | undefined): void {
    const { log } = this.#options;
    if (trouble === undefined) log.info('the store takes writes again');
    else log.error({ reason: trouble.reason }, `the store takes no writes: ${trouble.detail}`);
  }

  #end(leaderTerm: LeaderTerm, reason: string): void {
    const { agents, metrics, role } = this.#options;
    const error = new LocumError(
      'NOT_LEADER',
      `this controller does not lead any more (${reason}): ask again in a moment`,
      {
        retryAfterMs: 500,
      },
    );
    this.#leaderTerm = undefined;
    metrics.source = undefined;
    role.termOver();
    leaderTerm.end(error);
    agents.detach(error);
  }
}

/**
 * Whether no leader of this incarnation has started anything yet (semantics C9). Each epoch carries its incarnation, and an
 * attempt's epoch is committed before its start is sent; so the last epoch in the store tells. It stays true through leaders that
 * came and went while the wait lasted, which is what the wait needs.
 */
export function isFirstOfIncarnation(records: readonly StateRecord[], incarnation: number): boolean {
  const meta = records.find((record) => record.kind === 'meta');
  return meta !== undefined && meta.lastEpoch <= firstOfIncarnation(incarnation);
}
