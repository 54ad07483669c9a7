/** What `/metrics` shows of takeovers from missing servers: how long each of their phases took. */
import { Histogram, type Registry } from '@prometheus-io/client';
import type { RunId } from '../shared/ids.ts';
import type { ReportedAttempt } from '../shared/protocol/attempt.ts';
import type { Now } from '../shared/time.ts';
import type { ClusterState } from './core/cluster/cluster.ts';

/** A run, and the epoch that its start has. */
interface Start {
  readonly run: RunId;
  readonly epoch: number;
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 120, 300];
/** Starts whose process is waited for; those that never come make room. */
const WAITING_MAX = 10_000;

export class FailoverMetrics {
  readonly #state: () => ClusterState | undefined;
  readonly #delay: Histogram;
  readonly #phases: Histogram<'phase'>;
  /** When a start was sent that takes a run over, by run and epoch, monotonic milliseconds. */
  readonly #sent = new Map<string, number>();

  /** `state`: undefined while this controller does not lead. */
  constructor(registry: Registry, state: () => ClusterState | undefined) {
    this.#state = state;
    const registers = [registry];
    this.#delay = new Histogram({
      name: 'locum_failover_delay_seconds',
      help: 'Time from a server being declared MISSING to the start of a run of its being sent to another server.',
      buckets: BUCKETS,
      registers,
    });
    this.#phases = new Histogram({
      name: 'locum_failover_phase_seconds',
      help: 'Phases of a takeover. detected: last heartbeat to MISSING. decided: to the choice of a server. started: from the start being sent to its process.',
      labelNames: ['phase'],
      buckets: BUCKETS,
      registers,
    });
    for (const phase of ['detected', 'decided', 'started']) this.#phases.zero({ phase });
  }

  /** A start is about to be sent. */
  starting(start: Start, now: Now): void {
    const state = this.#state();
    const attempts = state?.runs.get(start.run)?.attempts ?? [];
    const index = attempts.findIndex(({ epoch }) => epoch === start.epoch);
    const [attempt, lost] = [attempts[index], attempts[index - 1]];
    if (state === undefined || attempt?.cause !== 'RECOVERY' || lost === undefined) return;
    const server = state.servers.get(lost.server);
    if (server?.liveness !== 'MISSING') return;
    const { livenessSinceWall: missingWall } = server;
    const heardWall = state.serverLive.get(lost.server)?.lastHeartbeatWall;
    if (heardWall !== undefined) this.#observe('detected', missingWall - heardWall);
    this.#observe('decided', attempt.assignWall - missingWall);
    this.#delay.observe(Math.max(0, now.wall - missingWall) / 1000);
    this.#sent.set(keyOf(start), now.mono);
    const [first] = this.#sent.keys();
    if (first !== undefined && this.#sent.size > WAITING_MAX) this.#sent.delete(first);
  }

  /** What an agent says of attempts. */
  reported(attempts: readonly Pick<ReportedAttempt, 'run' | 'epoch' | 'state'>[], now: Now): void {
    if (this.#sent.size === 0) return;
    for (const attempt of attempts) {
      const sentMono = this.#sent.get(keyOf(attempt));
      if (sentMono === undefined) continue;
      if (attempt.state === 'RUNNING') this.#observe('started', now.mono - sentMono);
      if (attempt.state === 'RUNNING' || attempt.state === 'ENDED') this.#sent.delete(keyOf(attempt));
    }
  }

  #observe(phase: 'detected' | 'decided' | 'started', ms: number): void {
    this.#phases.observe({ phase }, Math.max(0, ms) / 1000);
  }
}

const keyOf = ({ run, epoch }: Start): string => `${run}/${epoch}`;
