/** What `/metrics` shows. No ids of runs, policies or servers as labels: their number has no bound. */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { addProcessMetrics } from '../shared/host/process-metrics.ts';
import { addCertificateMetrics, type ShownTls, serverCertificates } from './access/certificate-metrics.ts';
import { livenessWords, runStateWords } from './codec/words.ts';
import type { ClusterState } from './core/cluster/cluster.ts';
import { DEVIATION_REASONS } from './core/records/deviation-reason.ts';
import { type EndStateName, REASONS_IN } from './core/records/run-state.ts';
import { type Deviation, deviations, isAvailable, lastOutcomes, queuedFor } from './core/views.ts';
import { type Clock, systemClock } from './engine/clock.ts';
import type { StoreStatus } from './engine/store-status.ts';
import { FailoverMetrics } from './failover-metrics.ts';
import type { SinkStatus } from './feeds/feed.ts';
import { addHookMetrics, type ShownHooks } from './hooks/hook-metrics.ts';
import type { FollowerCopy } from './replication/follower-copies.ts';
import { addFollowerMetrics } from './replication/follower-metrics.ts';

/** The parts of a leader that are looked at when somebody asks. */
export interface MetricsSource {
  readonly state: ClusterState;
  readonly mailboxDepth: number;
  readonly pendingCalls: number;
  readonly storeStatus: StoreStatus;
}

/** States of runs that are deviations for a reason of the run. */
const WAITING = ['QUEUED', 'FENCING', 'STUCK', 'BACKOFF'] as const;

const OUTCOMES = ['SUCCEEDED', 'FAILED', 'STOPPED'] as const satisfies readonly EndStateName[];

const COMMIT_BUCKETS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const GAP_BUCKETS = [1, 2.5, 4, 4.5, 5, 5.5, 6, 7.5, 10, 15, 20, 30, 45, 60];

export class ControllerMetrics {
  readonly registry = new Registry();
  #heartbeats = 0;
  readonly #clock: Clock;
  #source: MetricsSource | undefined;
  /** What is wrong beside what the core knows of, as the status tells it. */
  trouble: () => readonly Deviation[] = () => [];
  /** How far the copies of the followers are; empty while this controller does not lead. */
  followers: () => readonly FollowerCopy[] = () => [];
  /** Of this controller and its authority. Undefined: it speaks plaintext. */
  tls: ShownTls | undefined;
  /** How far the sinks of the audit are. */
  auditSinks: () => readonly SinkStatus[] = () => [];
  /** The hooks of this controller. Undefined: none. */
  hooks: ShownHooks | undefined;
  readonly #commits: Counter;
  readonly #commitSeconds: Histogram;
  readonly #lagSeconds: Histogram;
  readonly #gapSeconds: Histogram;
  readonly failovers: FailoverMetrics;

  /** `clock`: of the leader, for how long things last. Default: the system's. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    const registers = [this.registry];
    addProcessMetrics(this.registry);
    this.#commits = new Counter({ name: 'locum_commits_total', help: 'Commits that became durable.', registers });
    this.#commitSeconds = new Histogram({
      name: 'locum_commit_duration_seconds',
      help: 'Time from a decision to its being durable.',
      buckets: COMMIT_BUCKETS,
      registers,
    });
    this.#lagSeconds = new Histogram({
      name: 'locum_loop_lag_seconds',
      help: "How late a timer of the controller's event loop fired.",
      buckets: LAG_BUCKETS,
      registers,
    });
    this.failovers = new FailoverMetrics(this.registry, () => this.#source?.state);
    this.#gapSeconds = new Histogram({
      name: 'locum_heartbeat_gap_seconds',
      help: 'Time between two heartbeats of one stream; more than the heartbeat interval (5 s, and a tenth) is lateness.',
      buckets: GAP_BUCKETS,
      registers,
    });
    this.#addGauges();
  }

  /** What gauges are read from; undefined while this controller does not lead. */
  set source(source: MetricsSource | undefined) {
    this.#source = source;
  }

  committed(tookMs: number): void {
    this.#commits.inc();
    this.#commitSeconds.observe(tookMs / 1000);
  }

  lagged(lateMs: number): void {
    this.#lagSeconds.observe(Math.max(0, lateMs) / 1000);
  }

  /** `gapMs`: since the one before of the same stream; undefined: there was none. */
  beat(gapMs: number | undefined): void {
    this.#heartbeats += 1;
    if (gapMs !== undefined) this.#gapSeconds.observe(gapMs / 1000);
  }

  #addGauges(): void {
    const heartbeats = (): number => this.#heartbeats;
    new Counter({
      name: 'locum_heartbeats_total',
      help: 'Heartbeats received.',
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(heartbeats());
      },
    });
    this.#gauge('locum_leader', '1 while this controller leads.', (source) => (source === undefined ? 0 : 1));
    this.#gauge('locum_sessions', 'Open sessions of agents.', (source) => source?.state.sessions.size ?? 0);
    this.#gauge('locum_policies', 'Policies.', (source) => source?.state.policies.size ?? 0);
    this.#gauge('locum_mailbox_depth', 'Events that wait for the core.', (source) => source?.mailboxDepth ?? 0);
    this.#gauge('locum_calls_pending', 'Calls that wait for their answer.', (source) => source?.pendingCalls ?? 0);
    this.#addStoreGauges();
    this.#addQueueGauges();
    this.#addStateGauges();
  }

  #addStoreGauges(): void {
    const waiting = 'that the leader has changed and the store has not acknowledged';
    this.#gauge(
      'locum_store_waiting_records',
      `Records ${waiting}.`,
      (source) => source?.storeStatus.waitingRecords ?? 0,
    );
    this.#gauge(
      'locum_store_waiting_bytes',
      'Bytes of these records; about, of those not handed to the store yet.',
      (source) => {
        return source?.storeStatus.waitingBytes ?? 0;
      },
    );
    this.#gauge('locum_store_waiting_seconds', 'How long the oldest commit has been waiting.', (source) => {
      return (source?.storeStatus.waitingMs ?? 0) / 1000;
    });
    this.#gauge('locum_store_refuses', '1 while the store takes no writes.', (source) => {
      return source?.storeStatus.trouble === undefined ? 0 : 1;
    });
  }

  #addQueueGauges(): void {
    this.#gauge('locum_available_servers', 'Servers that take new runs.', (source) => {
      const servers = source === undefined ? [] : [...source.state.servers.values()];
      return servers.filter((server) => source !== undefined && isAvailable(source.state, server)).length;
    });
    this.#gauge('locum_queue_oldest_seconds', 'How long the run has waited that has waited longest.', (source) => {
      const walls = source === undefined ? [] : queuedFor(source.state).map(({ oldestWall }) => oldestWall);
      return walls.length === 0 ? 0 : Math.max(0, this.#clock().wall - Math.min(...walls)) / 1000;
    });
    this.#countedGauge(
      'locum_queued_runs',
      'Queued runs by what they wait for.',
      'reason',
      REASONS_IN.QUEUED,
      (state) => queuedFor(state).flatMap(({ reason, runs }) => Array.from({ length: runs }, () => reason)),
    );
    const ages = (): ReadonlyMap<string, number> => this.#queueAges();
    new Gauge({
      name: 'locum_queued_runs_oldest_seconds',
      help: 'How long the run has waited that has waited longest, by what it waits for.',
      labelNames: ['reason'],
      registers: [this.registry],
      collect() {
        for (const [reason, seconds] of ages()) this.set({ reason }, seconds);
      },
    });
  }

  #addStateGauges(): void {
    this.#countedGauge(
      'locum_policy_outcomes',
      'Policies by the outcome of their newest ended run.',
      'outcome',
      ['NONE', ...OUTCOMES],
      lastOutcomes,
    );
    const told = [...Object.keys(DEVIATION_REASONS), ...WAITING.flatMap((state) => REASONS_IN[state])];
    this.#countedGauge(
      'locum_deviations',
      'What is not as it should be, as the status lists it.',
      'reason',
      told,
      (state) => [...this.trouble(), ...deviations(state, this.#clock())].map(({ reason }) => reason),
    );
    const sinks = (): readonly SinkStatus[] => this.auditSinks();
    new Gauge({
      name: 'locum_audit_sink_behind_entries',
      help: 'Entries of the audit that a sink does not have yet.',
      labelNames: ['sink'],
      registers: [this.registry],
      collect() {
        for (const { name, behind } of sinks()) this.set({ sink: name }, behind);
      },
    });
    addHookMetrics(this.registry, () => this.hooks);
    addCertificateMetrics(this.registry, {
      own: () => this.tls,
      servers: () => serverCertificates(this.#source?.state),
      nowWall: () => this.#clock().wall,
    });
    addFollowerMetrics(this.registry, { followers: () => this.followers(), mono: () => this.#clock().mono });
    this.#countedGauge('locum_servers', 'Servers by liveness.', 'liveness', Object.keys(livenessWords.to), (state) =>
      Array.from(state.servers.values(), ({ liveness }) => liveness),
    );
    this.#countedGauge('locum_runs', 'Kept runs by state.', 'state', Object.keys(runStateWords.to), (state) =>
      Array.from(state.runs.values(), (run) => run.state.kind),
    );
  }

  /** Seconds by reason; 0: nothing waits for it. */
  #queueAges(): ReadonlyMap<string, number> {
    const ages = new Map<string, number>(REASONS_IN.QUEUED.map((reason) => [reason, 0]));
    const { wall } = this.#clock();
    for (const { reason, oldestWall } of this.#source === undefined ? [] : queuedFor(this.#source.state))
      ages.set(reason, Math.max(0, wall - oldestWall) / 1000);
    return ages;
  }

  #gauge(name: string, help: string, read: (source: MetricsSource | undefined) => number): void {
    const value = (): number => read(this.#source);
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }

  /** A gauge with one label, whose every value is shown, 0 included. */
  #countedGauge(
    name: string,
    help: string,
    label: string,
    values: readonly string[],
    read: (state: ClusterState) => Iterable<string>,
  ): void {
    const counts = (): Map<string, number> => {
      const found = new Map(values.map((value) => [value, 0]));
      for (const value of this.#source === undefined ? [] : read(this.#source.state)) {
        found.set(value, (found.get(value) ?? 0) + 1);
      }
      return found;
    };
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        for (const [value, count] of counts()) this.set({ [label]: value }, count);
      },
    });
  }
}
