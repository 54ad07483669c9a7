/** What an agent shows at `/metrics`. Its registry is its own: no id of a run or a policy is a label, since their number has no bound. */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { addProcessMetrics } from '../../shared/host/process-metrics.ts';
import { HOST_PROBLEM_KINDS } from '../../shared/host-problem.ts';
import { leftMs, type Reading } from '../../shared/lease-clock.ts';
import type { AttemptStateName } from '../../shared/protocol/attempt.ts';
import { mayLapse } from '../core/attempt.ts';
import type { StreamId } from '../core/event.ts';
import type { AgentState, Keeper } from '../core/state.ts';
import type { Performed } from '../effects.ts';
import { type KeeperUse, keeperUse } from './keeper-process.ts';

/** What is looked at when somebody asks. */
export interface AgentMetricsSource {
  readonly state: AgentState;
  readonly now: () => Reading;
  /** The disk of the state directory does not answer. */
  readonly diskStalls: () => boolean;
  /** When the certificate that is shown ends, Unix milliseconds. Undefined: there is none. */
  readonly certificateEndsMs: () => number | undefined;
  /** Who this is, and what runs it. */
  readonly info: { readonly server: string; readonly pool: string; readonly version: string; readonly runtime: string };
}

/** In this order they are shown, all of them at any time. */
const KEEPER_STATES = ['opening', 'live', 'lost', 'killing'] as const satisfies readonly Keeper['kind'][];
const ATTEMPT_STATES = [
  'ASSIGNED',
  'STARTING',
  'RUNNING',
  'STOPPING',
  'STUCK',
] as const satisfies readonly AttemptStateName[];

const GAP_BUCKETS = [1, 2.5, 4, 4.5, 5, 5.5, 6, 7.5, 10, 15, 20, 30, 45, 60];

export class AgentMetrics {
  readonly registry = new Registry();
  readonly #source: AgentMetricsSource;
  readonly #sessions: Counter;
  readonly #gapSeconds: Histogram;
  /** The newest heartbeat. */
  #beat: { readonly stream: StreamId; readonly mono: number } | undefined;

  constructor(source: AgentMetricsSource) {
    this.#source = source;
    const registers = [this.registry];
    addProcessMetrics(this.registry);
    this.#sessions = new Counter({
      name: 'locum_agent_sessions_total',
      help: 'Sessions with a leader, counted at their first heartbeat; each after the first is a reconnect.',
      registers,
    });
    this.#gapSeconds = new Histogram({
      name: 'locum_agent_heartbeat_gap_seconds',
      help: 'Time between two heartbeats on one stream; more than the heartbeat interval (5 s, and a tenth) is lateness.',
      buckets: GAP_BUCKETS,
      registers,
    });
    this.#addSession();
    this.#addLeases();
    this.#addHost();
    this.#addKeeper();
  }

  /** What the core had done, as it happens. */
  performed(effect: Performed): void {
    if (effect.kind !== 'send' || effect.message.kind !== 'heartbeat') return;
    const { mono } = this.#source.now();
    const { stream } = effect;
    if (this.#beat?.stream === stream) this.#gapSeconds.observe((mono - this.#beat.mono) / 1000);
    else this.#sessions.inc();
    this.#beat = { stream, mono };
  }

  #addSession(): void {
    const { state, now, info } = this.#source;
    new Gauge({
      name: 'locum_agent_info',
      help: '1; who this agent is, its version and what runs it.',
      labelNames: Object.keys(info),
      registers: [this.registry],
    }).set(info, 1);
    this.#gauge('locum_agent_connected', '1 while there is a session with a leader.', () =>
      state.session === undefined ? 0 : 1,
    );
    this.#gauge(
      'locum_agent_dials_failed',
      'Tries to reach a leader that came to nothing since the last session began.',
      () => state.dialling.failures,
    );
    this.#gauge(
      'locum_agent_grant_wait_seconds',
      'How long a heartbeat has waited for its grant; 0: none does.',
      () => {
        const since = state.session?.awaitingSince;
        return since === undefined ? 0 : Math.max(0, now().mono - since) / 1000;
      },
    );
  }

  #addLeases(): void {
    const { state, now } = this.#source;
    this.#gauge(
      'locum_agent_lease_seconds',
      'How long a lease is that a grant gives, as the pool has it.',
      () => state.timers.leaseMs / 1000,
    );
    this.#gauge(
      'locum_agent_lease_left_seconds',
      'Time until the first lease ends whose end stops something here. Absent: there is none.',
      () => {
        const left = [...state.attempts.values()].filter(mayLapse).map(({ deadline }) => leftMs(deadline, now()));
        return left.length === 0 ? undefined : Math.max(0, Math.min(...left)) / 1000;
      },
    );
    this.#counted('locum_agent_attempts', 'Attempts that have not ended, by state.', 'state', ATTEMPT_STATES, () =>
      Array.from(state.attempts.values(), ({ status }) => status.state),
    );
  }

  #addHost(): void {
    const { state, diskStalls, certificateEndsMs } = this.#source;
    this.#gauge('locum_agent_disk_stalled', "1 while the state directory's disk does not answer.", () =>
      diskStalls() ? 1 : 0,
    );
    this.#counted(
      'locum_agent_host_problems',
      'Problems of the host, for which nothing can be started here.',
      'problem',
      HOST_PROBLEM_KINDS,
      () => state.hostProblems.map(({ kind }) => kind),
    );
    this.#gauge('locum_agent_probes_failing', 'Probes that fail or take too long.', () => state.probeFailures.length);
    this.#gauge(
      'locum_agent_certificate_expiry_timestamp_seconds',
      'When the certificate of this server ends. Absent: controllers are dialled in plaintext.',
      () => {
        const endsMs = certificateEndsMs();
        return endsMs === undefined ? undefined : endsMs / 1000;
      },
    );
  }

  #addKeeper(): void {
    const { state } = this.#source;
    this.#counted(
      'locum_agent_keeper_state',
      'State of the connection to the keeper: 1 for the one that it is in.',
      'state',
      KEEPER_STATES,
      () => [state.keeper.kind],
    );
    const use = (): KeeperUse | undefined => (state.keeper.kind === 'live' ? keeperUse(state.keeper.pid) : undefined);
    const absent = 'Absent: it is not connected, or hidden from this user.';
    this.#gauge(
      'locum_agent_keeper_resident_memory_bytes',
      `Memory of the keeper's process. ${absent}`,
      () => use()?.memoryBytes,
    );
    this.#gauge('locum_agent_keeper_open_fds', `Open files of the keeper's process. ${absent}`, () => use()?.openFiles);
    new Counter({
      name: 'locum_agent_keeper_cpu_seconds_total',
      help: `Processor time of the keeper's process. ${absent}`,
      registers: [this.registry],
      collect() {
        this.reset();
        const seconds = use()?.cpuSeconds;
        if (seconds === undefined) this.remove();
        else this.inc(seconds);
      },
    });
  }

  /** Undefined values are not shown. */
  #gauge(name: string, help: string, read: () => number | undefined): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  /** A gauge with one label, whose every value is shown, 0 included. */
  #counted(name: string, help: string, label: string, values: readonly string[], read: () => readonly string[]): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        const found = read();
        for (const value of values) this.set({ [label]: value }, found.filter((one) => one === value).length);
      },
    });
  }
}
