/** A whole controller in this process: the store, both listeners, and the leadership between them. */

import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { LocumError } from '../shared/errors.ts';
import { AgentService } from '../shared/gen/locum/v1/agent_service_pb.ts';
import { formatListenAddress, type ListenAddress } from '../shared/listen-address.ts';
import type { Logger } from '../shared/log.ts';
import { HealthTable } from '../shared/rpc/health.ts';
import { ListenError } from '../shared/rpc/listen-error.ts';
import type { Listener } from '../shared/rpc/single-port-listener.ts';
import { type AgentListener, startAgentListener } from './agents/agent-listener.ts';
import { AgentStreams } from './agents/agent-streams.ts';
import { type ApiContext, notLeader, StreamCount } from './api/api-context.ts';
import { API_SERVICES, startApiListener } from './api/api-listener.ts';
import { systemClock } from './clock.ts';
import type { ControllerSettings } from './config.ts';
import { failoverDelayMs } from './failover-delay.ts';
import { Leadership } from './leadership.ts';
import { ControllerMetrics } from './metrics.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';

export interface ControllerOptions extends ControllerSettings {
  /** Version of the program, shown in the status. */
  readonly version: string;
  readonly log: Logger;
  /**
   * A defect of ours, or a store that broke for good: nothing more is decided. The store has everything that was acknowledged, so
   * the process should end and be started again. Default: log and exit with code 1.
   */
  readonly onFatal?: (error: unknown) => void;
}

export interface Controller {
  /** Bound addresses, `host:port`. */
  readonly apiAddress: string;
  readonly agentAddress: string;
  /** Closes both listeners, gives the leadership back and closes the store. */
  readonly close: () => Promise<void>;
}

/** Time for calls in flight at the end. */
const GRACE_MS = 1_000;
const SWEEP_MS = 1_000;
const BOOKMARK_MS = 10_000;

/**
 * Starts a controller; resolves when it leads and both listeners are open.
 * @throws StoreError when the store can't be opened or read; ListenError when a port can't be bound
 */
export async function runController(options: ControllerOptions): Promise<Controller> {
  const { log } = options;
  const store = await openStoreOf(options);
  const parts = new RunningParts(options, store);
  try {
    const addresses = await parts.start();
    log.info({ ...addresses, store: store.kind }, 'controller is ready');
    return { ...addresses, close: () => parts.close() };
  } catch (error) {
    await parts.close().catch((closing: unknown) => log.error({ err: closing }, 'closing failed'));
    throw error;
  }
}

class RunningParts {
  readonly #options: ControllerOptions;
  readonly #store: Store;
  readonly #metrics = new ControllerMetrics();
  readonly #health = new HealthTable([...API_SERVICES, AgentService]);
  readonly #agents: AgentStreams;
  readonly #leadership: Leadership;
  readonly #over = new AbortController();
  #agentListener: AgentListener | undefined;
  #apiListener: Listener | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: ControllerOptions, store: Store) {
    const { log } = options;
    this.#options = options;
    this.#store = store;
    this.#agents = new AgentStreams({
      clock: systemClock,
      log,
      metrics: this.#metrics,
      cut: (peer) => this.#agentListener?.cut(peer),
      onStart: (start, now) => {
        const { reign } = this.#leadership;
        const delayMs = reign === undefined ? undefined : failoverDelayMs(reign.state, start, now.wall);
        if (delayMs !== undefined) this.#metrics.failedOver(delayMs);
      },
    });
    this.#leadership = new Leadership({
      store,
      candidate: `${hostname()}:${process.pid}`,
      clock: systemClock,
      agents: this.#agents,
      metrics: this.#metrics,
      log,
      version: options.version,
      initialTimers: options.initialTimers,
      onReign: (reign) => this.#health.setAll(reign === undefined ? 'NOT_SERVING' : 'SERVING'),
      onTrouble: (trouble) => {
        if (trouble === undefined) log.info('the store takes writes again');
        else log.error({ reason: trouble.reason }, `the store takes no writes: ${trouble.detail}`);
      },
      onFatal: options.onFatal ?? ((error) => exitWith(log, error)),
    });
  }

  async start(): Promise<Pick<Controller, 'apiAddress' | 'agentAddress'>> {
    const { apiListen, agentListen, log } = this.#options;
    const agentListener = await named('--agent-listen', () =>
      startAgentListener({ ...agentListen, health: this.#health, onConnect: (call) => this.#agents.accept(call) }),
    );
    this.#agentListener = agentListener;
    this.#sweep = setInterval(() => this.#agents.sweep(), SWEEP_MS).unref();
    const apiListener = await named('--api-listen', () =>
      startApiListener({
        address: apiListen,
        api: this.#apiContext(),
        health: this.#health,
        metrics: this.#metrics,
        log,
        notReady: () => this.#notReady(),
        shutdownSignal: this.#over.signal,
      }),
    );
    this.#apiListener = apiListener;
    await this.#leadership.start();
    return { apiAddress: addressOf(apiListener), agentAddress: addressOf(agentListener) };
  }

  /** Calls in flight are answered first; then the term is given back, and with it all agent streams end. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const agentsClosed = this.#agentListener?.close(GRACE_MS);
    this.#over.abort(shuttingDown());
    await this.#apiListener?.close(GRACE_MS);
    await this.#leadership.close();
    await agentsClosed;
    await this.#store.close();
  }

  #apiContext(): ApiContext {
    return {
      reign: () => {
        const { reign } = this.#leadership;
        if (reign === undefined) throw notLeader();
        return reign;
      },
      agents: this.#agents,
      storeKind: this.#store.kind,
      version: this.#options.version,
      streams: new StreamCount(),
      bookmarkMs: BOOKMARK_MS,
    };
  }

  #notReady(): string | undefined {
    const { reign } = this.#leadership;
    if (reign === undefined) return 'this controller does not lead';
    return reign.trouble === undefined ? undefined : `the store takes no writes: ${reign.trouble.detail}`;
  }
}

function shuttingDown(): LocumError {
  return new LocumError('NOT_LEADER', 'this controller is shutting down: ask again in a moment', {
    retryAfterMs: 1_000,
  });
}

async function openStoreOf({ store, adoptStore }: ControllerSettings): Promise<Store> {
  const file = /^sqlite:(.+)$/s.exec(store)?.[1];
  // The data folder is ours to make; a folder that somebody else named may well be a typing error.
  if (file !== undefined) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return openStore(store, { adoptCopy: adoptStore });
}

/** Says which flag chooses another address. */
async function named<T>(flag: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new ListenError(error.code, `${error.message} (${flag} says where)`, error);
  }
}

function addressOf({ address, port }: { readonly address: string; readonly port: number }): string {
  const listen: ListenAddress = { host: address, port };
  return formatListenAddress(listen);
}

function exitWith(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'the controller can not go on; the store has everything that was acknowledged');
  log.flush();
  process.exit(1);
}
