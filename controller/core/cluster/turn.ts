/**
 * What every part of the core works on: the state, the journal, the barrier, the wheels, and what is to be looked at again. One per core, for
 * its whole life: with each event only `now` and the journal's actor are set anew, everything else stays.
 */
import type { PolicyId, PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import { DEFAULT_TIMERS, type Timers } from '../../../shared/protocol/timers.ts';
import type { Now } from '../../../shared/time.ts';
import { DEFAULT_ELECTION_TTL_MS } from '../records/timers.ts';
import { ageOf } from './age.ts';
import { Barrier, type BarrierOptions } from './barrier.ts';
import { type ClusterState, emptyCluster, type Keep } from './cluster.ts';
import type { Effect } from './effect.ts';
import type { CallId, CallResult } from './event.ts';
import { Journal } from './journal.ts';
import { RefusalTally } from './refusal-tally.ts';
import type { ScheduleReader } from './schedule-reader.ts';
import type { Session, Waiting } from './session.ts';
import type { BehindClaim } from './store-doubt.ts';
import { TimerWheel } from './timer-wheel.ts';

export interface CoreOptions extends BarrierOptions {
  /** Version of the controller, shown in the status. */
  readonly version: string;
  /** Reads cron patterns; given by the shell so that the core depends on no library. */
  readonly schedules: ScheduleReader;
  /** Timers of `pools/default` when it is created. Default: DEFAULT_TIMERS. */
  readonly initialTimers?: Timers;
  /** How long a leadership outlives its silent leader: the timers of pools must leave room for it. Default: DEFAULT_ELECTION_TTL_MS. */
  readonly electionTtlMs?: number | undefined;
  /** How much is kept of what is over. Default: DEFAULT_KEEP. */
  readonly keep?: Keep | undefined;
}

/**
 * What those who only judge need: the state and the time. They change nothing, by convention: records are read-only to the compiler, but
 * the live parts of the state (sessions, leases, indexes) are not frozen. Who changes anything takes the `Turn`.
 */
export type View = Pick<Turn, 'state' | 'now' | 'age'>;

interface MarkedKinds {
  readonly runs: RunId;
  readonly servers: ServerId;
  readonly policies: PolicyId;
  readonly pools: PoolId;
  /** Servers whose silence is to be judged. */
  readonly silences: ServerId;
}

/** What is to be looked at again, each once, in the order in which it was marked. */
export type Marked = { readonly [K in keyof MarkedKinds]: ReadonlySet<MarkedKinds[K]> };

export class Turn {
  readonly state: ClusterState;
  readonly journal: Journal;
  readonly barrier: Barrier<Session>;
  readonly initialTimers: Timers;
  readonly electionTtlMs: number;
  readonly schedules: ScheduleReader;
  now: Now = { mono: 0, wall: 0 };
  /** Effects that depend on nothing, in order. */
  readonly effects: Effect[] = [];

  /** Sessions whose Welcome or commands wait: only these are looked at when something may leave. */
  readonly waitingSessions = new Set<Session>();

  /** Answers to calls of this step; they show the state after settling. */
  readonly answers: { readonly call: CallId; readonly result: CallResult }[] = [];

  /** Deadlines of liveness, of drains, of closed gates, of runs, of schedules, and of what holds a whole pool back. A wheel only says when to look. */
  readonly serverWheel = new TimerWheel<ServerId>();
  readonly drainWheel = new TimerWheel<ServerId>();
  readonly gateWheel = new TimerWheel<ServerId>();
  readonly runWheel = new TimerWheel<RunId>();
  readonly policyWheel = new TimerWheel<PolicyId>();
  readonly poolWheel = new TimerWheel<PoolId>();

  readonly #marked: { readonly [K in keyof MarkedKinds]: Set<MarkedKinds[K]> } = {
    runs: new Set(),
    servers: new Set(),
    policies: new Set(),
    pools: new Set(),
    silences: new Set(),
  };
  #recheckBlocked = false;
  /** An agent has seen more than the store knows; believed once our own term is checked after it. */
  behind: BehindClaim | undefined;
  /** When the log was last told of a stranger that says so. */
  doubtToldMono = Number.NEGATIVE_INFINITY;
  /** Of whom the event log has told that he was refused. */
  readonly refusals = new RefusalTally();
  lastCommandId = 0;
  lastSession = 0;

  constructor(options: CoreOptions) {
    this.state = emptyCluster(options.version, options.keep);
    this.journal = new Journal(this.state);
    this.barrier = new Barrier(options);
    this.schedules = options.schedules;
    this.initialTimers = options.initialTimers ?? DEFAULT_TIMERS;
    this.electionTtlMs = options.electionTtlMs ?? DEFAULT_ELECTION_TTL_MS;
  }

  /** Age of the cluster, milliseconds (see `ageOf`). */
  get age(): number {
    return ageOf(this.state, this.now);
  }

  /** To be looked at again before the step's effects leave. */
  get marked(): Marked {
    return this.#marked;
  }

  /** Servers or their capabilities changed, or it is time: runs that wait are told again why. */
  get recheckBlocked(): boolean {
    return this.#recheckBlocked;
  }

  /** Takes what is marked of one kind; whoever takes it looks at it. */
  takeMarked<K extends keyof MarkedKinds>(kind: K): readonly MarkedKinds[K][] {
    const marks: Set<MarkedKinds[K]> = this.#marked[kind];
    const taken = [...marks];
    marks.clear();
    return taken;
  }

  /** Something is still to be looked at. */
  get isUnsettled(): boolean {
    const { runs, servers, policies, pools } = this.#marked;
    return runs.size + servers.size + policies.size + pools.size > 0;
  }

  /** Has a run looked at again: one whose record changed is by itself (dependants.ts), this is for what changed beside the records. */
  lookAtRun(id: RunId): void {
    this.#marked.runs.add(id);
  }

  /** The runs that stand on a server or have a slot reserved there. */
  lookAtRunsOn(id: ServerId): void {
    const live = this.state.serverLive.get(id);
    for (const run of live?.runs ?? []) this.#marked.runs.add(run);
    for (const run of live?.reservations ?? []) this.#marked.runs.add(run);
  }

  /** A server: its gate, its room in the index, what it shows, whether its deletion is complete; and then its pool. */
  lookAtServer(id: ServerId): void {
    this.#marked.servers.add(id);
  }

  /** A policy: whether it has the runs that it wants. */
  lookAtPolicy(id: PolicyId): void {
    this.#marked.policies.add(id);
  }

  /** A pool: its queue, its storm, its drains and its moves. */
  lookAtPool(id: PoolId): void {
    this.#marked.pools.add(id);
  }

  /** Runs that wait for room are told again why. */
  lookAtBlockedRuns(): void {
    this.#recheckBlocked = true;
  }

  blockedWereTold(): void {
    this.#recheckBlocked = false;
  }

  /** Whatever hangs on a server, when something beside its record changed: an agent came to speak for it. */
  lookAroundServer(id: ServerId): void {
    this.lookAtRunsOn(id);
    this.lookAtServer(id);
    this.lookAtBlockedRuns();
  }

  /** The silence of a server, before anything else. */
  judgeSilenceOf(id: ServerId): void {
    this.#marked.silences.add(id);
  }

  /** Wakes a run at an age of the cluster, or sooner; the wheel runs on monotonic time. */
  wakeRunAtAge(run: RunId, age: number): void {
    this.wakeRunAt(run, this.monoAt(age));
  }

  /** When the cluster has an age, by this leader's monotonic clock. */
  monoAt(age: number): number {
    return this.now.mono + Math.max(0, age - this.age);
  }

  /** Wakes a run at a monotonic time. The earliest wish wins; an early look arms the next one. */
  wakeRunAt(run: RunId, mono: number): void {
    this.#hasten(this.runWheel, run, mono);
  }

  /** Looks at a pool's queue and its storm again at a monotonic time, or sooner. */
  wakePoolAt(pool: PoolId, mono: number): void {
    this.#hasten(this.poolWheel, pool, mono);
  }

  #hasten<K extends string>(wheel: TimerWheel<K>, key: K, mono: number): void {
    const at = wheel.at(key);
    if (at === undefined || at > mono || at <= this.now.mono) wheel.set(key, mono);
  }

  /** Queues a command behind what is decided now. Starts have a queue of their own: they may wait for room, a stop never waits for them. */
  queueCommand(session: Session, command: Waiting['command']): void {
    const queue = command.kind === 'start' ? session.starts : session.control;
    queue.push({ needCommit: this.barrier.needCommit, needCheck: this.barrier.needCheck(), command });
    this.waitingSessions.add(session);
  }
}
