/** A whole controller in this process: the store, both listeners, and the leadership between them. */

import { setTimeout as sleep } from 'node:timers/promises';
import { aborted } from '../shared/aborted.ts';
import type { ServiceState } from '../shared/host/service-notifier.ts';
import type { Listener } from '../shared/rpc/single-port-listener.ts';
import { type ControllerTls, openControllerTls } from './access/controller-tls.ts';
import { endFallen } from './access/fallen-peers.ts';
import { renewing } from './access/renewal.ts';
import { waitingTls } from './access/waiting-tls.ts';
import { type AgentListener, startAgentListener } from './agents/agent-listener.ts';
import { shuttingDown } from './api/api-context.ts';
import { startApiListener } from './api/api-listener.ts';
import { API_SERVICES } from './api/api-services.ts';
import { storeWhenThere } from './api/waiting-room.ts';
import { addressOf, named, reachable } from './bound-address.ts';
import { openConfiguredStore } from './config/configured-store.ts';
import { systemClock } from './engine/clock.ts';
import { exitWith } from './fatal-exit.ts';
import { Leadership } from './leadership/leadership.ts';
import type { ControllerOptions } from './options.ts';
import { ControllerParts, type Ground } from './parts.ts';
import { type Candidate, encodeCandidate } from './replication/candidate.ts';
import type { Store } from './store/store.ts';

export interface Controller {
  /** Bound addresses, `host:port`. */
  readonly apiAddress: string;
  readonly agentAddress: string;
  /** Closes both listeners, gives the leadership back and closes the store. */
  readonly close: () => Promise<void>;
  /** What it says of itself to systemd. */
  readonly service: () => ServiceState;
  /** Replaces `allowedHosts`. */
  readonly allowHosts: (names: readonly string[]) => void;
}

/** Time for calls in flight at the end. */
const GRACE_MS = 1_000;
const SWEEP_MS = 1_000;
/** How long a leader that closes waits for the next one, to send its agents there. */
const NEXT_LEADER_MS = 1_000;
/** And how long it gives them to go. */
const LEAVE_MS = 100;
/** How long a controller that closes tries to bring the audit what it noted. */
const LAST_NOTES_MS = 1_000;

/**
 * Starts a controller; resolves when both listeners are open and it leads, or knows who does. A store that is not there yet, or full, is
 * waited for.
 * @throws StoreError when the store can't be opened or read; ListenError when a port can't be bound; the reason of the signal
 */
export async function runController(options: ControllerOptions): Promise<Controller> {
  const { log, apiListen: address, allowedHosts, signal = new AbortController().signal } = options;
  const room = { address, tls: options.tls && waitingTls };
  const store = await named('--api-listen', () =>
    storeWhenThere({ open: () => openConfiguredStore(options), ...room, allowedHosts, log, signal }),
  );
  const identity = await store.identity();
  const tls = await openControllerTls(options, identity.clusterId, store);
  const running = new RunningController({ options, store, identity, tls });
  try {
    const addresses = await running.start();
    log.info({ ...addresses, store: store.kind }, 'controller is ready');
    return { ...addresses, close: () => running.close(), allowHosts: running.allowHosts, service: running.service };
  } catch (error) {
    await running.close().catch((closing: unknown) => log.error({ err: closing }, 'closing failed'));
    throw error;
  }
}

class RunningController {
  readonly #options: ControllerOptions;
  readonly #store: Store;
  readonly #tls: ControllerTls | undefined;
  readonly #parts: ControllerParts;
  /** Made once the addresses are known that it campaigns with. */
  #leadership: Leadership | undefined;
  #agentListener: AgentListener | undefined;
  #apiListener: Listener | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #ready = false;
  readonly allowHosts = (names: readonly string[]): void => this.#apiListener?.allowHosts(names);
  readonly service = (): ServiceState => this.#parts.service;

  constructor(ground: Omit<Ground, 'leaderTerm' | 'cut'>) {
    this.#options = ground.options;
    this.#store = ground.store;
    this.#tls = ground.tls;
    this.#parts = new ControllerParts({
      ...ground,
      leaderTerm: () => this.#leadership?.leaderTerm,
      cut: (peer) => this.#agentListener?.cut(peer),
    });
  }

  async start(): Promise<Pick<Controller, 'apiAddress' | 'agentAddress'>> {
    const { apiListen, agentListen, allowedHosts, log, version } = this.#options;
    const parts = this.#parts;
    const agentListener = await named('--agent-listen', () =>
      startAgentListener({
        ...{ ...agentListen, health: parts.health, tls: this.#tls?.agents((denial) => parts.audit.noteDenial(denial)) },
        onConnect: (call, peer) => parts.agents.accept(call, peer),
        renew: renewing({ signer: this.#tls?.authority, leaderTerm: () => this.#leadership?.leaderTerm }),
      }),
    );
    this.#agentListener = agentListener;
    void parts.showHealth();
    this.#sweep = setInterval(() => {
      parts.agents.sweep();
      endFallen({ agents: parts.agents, agentListener, apiListener: this.#apiListener, tls: this.#tls });
    }, SWEEP_MS).unref();
    const apiListener = await named('--api-listen', () =>
      startApiListener({
        address: apiListen,
        allowedHosts,
        api: parts.api,
        stale: parts.staleApi,
        forwarder: parts.replica.forwarder,
        leads: () => parts.role.leads,
        health: parts.health,
        notes: parts.audit.notes,
        access: parts.access.api(API_SERVICES, parts.audit.notes),
        metrics: parts.metrics,
        log,
        readiness: () => parts.readiness,
        tls: this.#tls?.callers,
        shutdownSignal: parts.over.signal,
      }),
    );
    this.#apiListener = apiListener;
    parts.audit.start();
    parts.hooks.start();
    void parts.authority?.follow(parts.over.signal);
    const { apiAdvertise, agentAdvertise } = this.#options;
    const candidate = {
      id: parts.self,
      api: apiAdvertise ?? reachable(apiListener),
      agent: agentAdvertise ?? reachable(agentListener),
      version,
      key: parts.access.vouching.publicKey,
      authority: this.#tls?.issuer,
    };
    const leadership = this.#makeLeadership(encodeCandidate(candidate));
    this.#leadership = leadership;
    await this.#leadOrFollow(leadership, candidate);
    return { apiAddress: addressOf(apiListener), agentAddress: addressOf(agentListener) };
  }

  /** The lead is given up first, so that the next leader is at work while calls in flight, agents and listeners end here. */
  async close(): Promise<void> {
    const parts = this.#parts;
    const led = parts.role.leads;
    clearInterval(this.#sweep);
    await Promise.all([parts.audit.close(LAST_NOTES_MS), parts.hooks.close()]);
    await this.#leadership?.close();
    if (led && this.#store.kind === 'etcd') await this.#nextLeader();
    const agentsClosed = this.#agentListener?.close(GRACE_MS);
    parts.over.abort(shuttingDown());
    await this.#apiListener?.close(GRACE_MS);
    await agentsClosed;
    this.#tls?.close();
    await this.#store.close();
  }

  #makeLeadership(candidate: string): Leadership {
    const { log, version, initialTimers, electionTtlMs, keep } = this.#options;
    return new Leadership({
      store: this.#store,
      candidate,
      clock: systemClock,
      agents: this.#parts.agents,
      metrics: this.#parts.metrics,
      log,
      version,
      initialTimers,
      electionTtlMs,
      keep,
      role: this.#parts.role,
      fail: (error) => this.#fail(error),
    });
  }

  /** Resolves when this controller leads, or knows who does. */
  async #leadOrFollow(leadership: Leadership, candidate: Candidate): Promise<void> {
    const leading = leadership.start();
    leading.catch((error: unknown) => {
      if (this.#ready) this.#fail(error);
    });
    await Promise.race([leading, this.#parts.replica.start(candidate), aborted(this.#options.signal)]);
    this.#ready = true;
  }

  #fail(error: unknown): void {
    const { fail, log } = this.#options;
    if (fail === undefined) exitWith(log, error);
    else fail(error);
  }

  /** Agents are told where to go as soon as somebody else leads; and calls that arrive meanwhile are passed on. */
  async #nextLeader(): Promise<void> {
    const patience = AbortSignal.timeout(NEXT_LEADER_MS);
    const next = await this.#parts.replica.view.when(() => this.#parts.replica.otherLeader, patience);
    if (next !== undefined) await sleep(LEAVE_MS);
  }
}
