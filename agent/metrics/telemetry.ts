/** The agent's metrics with their pages: opened when both the disk and the port can be had, and tried again until then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/caught-error.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import type { ListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import type { Performed } from '../effects.ts';
import { readinessOf } from '../readiness.ts';
import { AgentMetrics, type AgentMetricsSource } from './agent-metrics.ts';
import { type MetricsPages, openMetricsPages } from './metrics-pages.ts';
import { openMetricsToken } from './metrics-token.ts';

export interface TelemetryOptions extends AgentMetricsSource {
  readonly listen: ListenAddress;
  readonly stateDir: string;
  /** Empty: the agent's own, in its state directory. */
  readonly tokenFile: string;
  readonly lane: Pick<DiskLane, 'run'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const AGAIN_MS = 2_000;

export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #metrics: AgentMetrics;
  #pages: MetricsPages | undefined;
  #closed = false;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#metrics = new AgentMetrics(options);
  }

  /** Work never waits for it: a port that is taken, or a disk that stalls, is said once and tried again. */
  async open(): Promise<void> {
    const { log, tokenFile } = this.#options;
    for (let told = ''; !this.#closed; await sleep(AGAIN_MS, undefined, { ref: false })) {
      try {
        await this.#tryOpen();
        return;
      } catch (error) {
        const problem = messageOf(error);
        if (problem !== told) log.warn({ tokenFile }, `the pages for metrics can not be opened yet: ${problem}`);
        told = problem;
      }
    }
  }

  performed(effect: Performed): void {
    this.#metrics.performed(effect);
  }

  close(): void {
    this.#closed = true;
    this.#pages?.close();
  }

  async #tryOpen(): Promise<void> {
    const { listen, stateDir, tokenFile, lane, log, state } = this.#options;
    const { file, token } = await lane.run(() => openMetricsToken(stateDir, tokenFile));
    const { registry } = this.#metrics;
    const pages = await openMetricsPages({
      ...{ address: listen, token, contentType: registry.contentType, metrics: () => registry.metrics() },
      readiness: () => readinessOf(state),
    });
    if (this.#closed) return pages.close();
    this.#pages = pages;
    log.info({ address: pages.address, tokenFile: file }, 'metrics are shown to who has the token');
  }
}
