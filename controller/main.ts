/** A whole controller in this process: the store, both listeners, and the leadership between them. */

import { setTimeout as sleep } from 'node:timers/promises';
import { aborted } from '../shared/aborted.ts';
import { AgentService } from '../shared/gen/locum/v1/agent_service_pb.ts';
import type { ServiceState } from '../shared/host/service-notifier.ts';
import type { Logger } from '../shared/log.ts';
import { HealthTable } from '../shared/rpc/health.ts';
import type { Listener } from '../shared/rpc/single-port-listener.ts';
import { AccessParts } from './access/access-parts.ts';
import { AuthorityWatch } from './access/authority-watch.ts';
import { type ControllerTls, openControllerTls } from './access/controller-tls.ts';
import { renewing } from './access/renewal.ts';
import { type AgentListener, startAgentListener } from './agents/agent-listener.ts';
import { AgentStreams } from './agents/agent-streams.ts';
import { type ApiContext, notLeader, StreamCount, shuttingDown } from './api/api-context.ts';
import { startApiListener } from './api/api-listener.ts';
import { API_SERVICES } from './api/api-services.ts';
import { storeWhenThere } from './api/waiting-room.ts';
import { AuditParts } from './audit/audit-parts.ts';
import { addressOf, named, reachable } from './bound-address.ts';
import type { ControllerSettings } from './config/config.ts';
import { openConfiguredStore } from './config/configured-store.ts';
import { controllerId } from './config/controller-id.ts';
import type { Deviation } from './core/views.ts';
import { diagnose, type ShownSetting } from './diagnostics.ts';
import { systemClock } from './engine/clock.ts';
import { exitWith } from './fatal-exit.ts';
import { Hooks } from './hooks/hooks.ts';
import type { LeaderTerm } from './leadership/leader-term.ts';
import { Leadership } from './leadership/leadership.ts';
import { RoleWatch } from './leadership/role.ts';
import { ControllerMetrics } from './metrics.ts';
import { type Candidate, encodeCandidate } from './replication/candidate.ts';
import { type Readiness, Replica, readinessOf } from './replication/replica.ts';
import { StaleReads } from './replication/stale-reads.ts';
import type { Identity, Store } from './store/store.ts';
import { doesItsWork, troubleBeside } from './trouble.ts';

export interface ControllerOptions extends ControllerSettings {
  /** Version of the program, shown in the status. */
  readonly version: string;
  readonly log: Logger;
  /**
   * A defect of ours, or a store that broke for good: nothing more is decided. The store has everything that was acknowledged, so
   * the process should end and be started again. Default: log and exit with code 1.
   */
  readonly fail?: (error: unknown) => void;
  /** The configuration in force, without secrets, for diagnostics. Default: nothing is told of it. */
  readonly shownSettings?: () => readonly ShownSetting[];
  /** Gives up starting. Default: never. */
  readonly signal?: AbortSignal;
}

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
/** How long agents wait here for a leader; below the time that they give a Hello. */
const AGENT_PATIENCE_MS = 900;
/** How long a leader that closes waits for the next one, to send its agents there. */
const NEXT_LEADER_MS = 1_000;
/** And how long it gives them to go. */
const LEAVE_MS = 100;
/** How long a controller that closes tries to bring the audit what it noted. */
const LAST_NOTES_MS = 1_000;
const BOOKMARK_MS = 10_000;

/**
 * Starts a controller; resolves when both listeners are open and it leads, or knows who does. A store that is not there yet, or full, is
 * waited for.
 * @throws StoreError when the store can't be opened or read; ListenError when a port can't be bound; the reason of the signal
 */
export async function runController(options: ControllerOptions): Promise<Controller> {
  const { log, apiListen: address, allowedHosts, signal = new AbortController().signal } = options;
  // Before the store is there nobody knows the cluster, and so no certificate: then nothing is shown, rather than in plaintext.
  const room = options.tls === undefined ? address : undefined;
  const store = await named('--api-listen', () =>
    storeWhenThere({ open: () => openConfiguredStore(options), address: room, allowedHosts, log, signal }),
  );
  const identity = await store.identity();
  const parts = new RunningParts(options, store, identity, await openControllerTls(options, identity.clusterId, store));
  try {
    const addresses = await parts.start();
    log.info({ ...addresses, store: store.kind }, 'controller is ready');
    return { ...addresses, close: () => parts.close(), allowHosts: parts.allowHosts, service: () => parts.service };
  } catch (error) {
    await parts.close().catch((closing: unknown) => log.error({ err: closing }, 'closing failed'));
    throw error;
  }
}

class RunningParts {
  readonly #options: ControllerOptions;
  readonly #store: Store;
  readonly #identity: Identity;
  readonly #tls: ControllerTls | undefined;
  readonly #self: string;
  readonly #metrics = new ControllerMetrics();
  readonly #health = new HealthTable([...API_SERVICES, AgentService]);
  readonly #agents: AgentStreams;
  readonly #replica: Replica;
  readonly #access: AccessParts;
  readonly #audit: AuditParts;
  readonly #hooks: Hooks;
  readonly #authority: AuthorityWatch | undefined;
  readonly #over = new AbortController();
  readonly #role = new RoleWatch();
  /** Made once the addresses are known that it campaigns with. */
  #leadership: Leadership | undefined;
  #agentListener: AgentListener | undefined;
  #apiListener: Listener | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #ready = false;
  readonly allowHosts = (names: readonly string[]): void => this.#apiListener?.allowHosts(names);

  constructor(options: ControllerOptions, store: Store, identity: Identity, tls: ControllerTls | undefined) {
    const { log, dataDirectory } = options;
    const leaderTerm = (): LeaderTerm | undefined => this.#leadership?.leaderTerm;
    this.#options = options;
    this.#store = store;
    this.#identity = identity;
    this.#tls = tls;
    this.#self = controllerId(options);
    this.#agents = new AgentStreams({
      clock: systemClock,
      log,
      metrics: this.#metrics,
      patienceMs: store.kind === 'etcd' ? AGENT_PATIENCE_MS : 0,
      denied: (denial) => this.#audit.noteDenial(denial),
      owner: { cut: (peer) => this.#agentListener?.cut(peer) },
    });
    this.#access = new AccessParts({
      self: this.#self,
      open: options.open ?? false,
      ...{ dataDirectory, rootsPem: tls?.authority.rootsPem, log },
      leaderTerm,
      replica: () => this.#replica,
      ...{ providers: options.identityProviders, shutdownSignal: this.#over.signal },
    });
    this.#replica = new Replica({
      store,
      self: this.#self,
      log,
      agents: this.#agents,
      role: this.#role,
      services: API_SERVICES,
      vouchFor: (path, caller) => this.#access.vouching.vouchFor(path, caller),
      vouchForItself: (path) => this.#access.vouching.vouchForItself(path),
      shutdownSignal: this.#over.signal,
      tls: tls?.peers,
    });
    this.#audit = new AuditParts({
      ...{ settings: options.audit, dataDirectory, clusterId: identity.clusterId, self: this.#self },
      ...{ clock: systemClock, log, leaderTerm },
      view: this.#replica.view,
      vouchForItself: (path) => this.#access.vouching.vouchForItself(path),
      tls: tls?.peers,
      signal: this.#over.signal,
    });
    this.#metrics.auditSinks = () => this.#audit.sinks;
    this.#hooks = new Hooks({
      ...{ settings: options.hooks ?? [], clusterId: identity.clusterId, version: options.version },
      ...{ clock: systemClock, log, role: this.#role, signal: this.#over.signal },
    });
    this.#metrics.hooks = this.#hooks;
    this.#authority = tls && new AuthorityWatch({ tls, store, replica: this.#replica, leaderTerm, dataDirectory, log });
    this.#metrics.trouble = () => this.#trouble();
    this.#metrics.followers = () => this.#replica.copies.followers;
    this.#metrics.tls = tls;
  }

  async start(): Promise<Pick<Controller, 'apiAddress' | 'agentAddress'>> {
    const { apiListen, agentListen, allowedHosts, log, version } = this.#options;
    const agentListener = await named('--agent-listen', () =>
      startAgentListener({
        ...{ ...agentListen, health: this.#health, tls: this.#tls?.agents((denial) => this.#audit.noteDenial(denial)) },
        onConnect: (call, peer) => this.#agents.accept(call, peer),
        renew: renewing({ signer: this.#tls?.authority, leaderTerm: () => this.#leadership?.leaderTerm }),
      }),
    );
    this.#agentListener = agentListener;
    void this.#showHealth();
    this.#sweep = setInterval(() => this.#agents.sweep(), SWEEP_MS).unref();
    const apiListener = await named('--api-listen', () =>
      startApiListener({
        address: apiListen,
        allowedHosts,
        api: this.#apiContext(() => this.#leaderTerm()),
        stale: this.#apiContext(this.#staleReads()),
        forwarder: this.#replica.forwarder,
        leads: () => this.#role.leads,
        health: this.#health,
        notes: this.#audit.notes,
        access: this.#access.api(API_SERVICES, this.#audit.notes),
        metrics: this.#metrics,
        log,
        readiness: () => this.#readiness(),
        tls: this.#tls?.callers,
        shutdownSignal: this.#over.signal,
      }),
    );
    this.#apiListener = apiListener;
    this.#audit.start();
    this.#hooks.start();
    void this.#authority?.follow(this.#over.signal);
    const { apiAdvertise, agentAdvertise } = this.#options;
    const candidate = {
      id: this.#self,
      api: apiAdvertise ?? reachable(apiListener),
      agent: agentAdvertise ?? reachable(agentListener),
      version,
      key: this.#access.vouching.publicKey,
      authority: this.#tls?.issuer,
    };
    const leadership = this.#makeLeadership(encodeCandidate(candidate));
    this.#leadership = leadership;
    await this.#leadOrFollow(leadership, candidate);
    return { apiAddress: addressOf(apiListener), agentAddress: addressOf(agentListener) };
  }

  /** The lead is given up first, so that the next leader is at work while calls in flight, agents and listeners end here. */
  async close(): Promise<void> {
    const led = this.#role.leads;
    clearInterval(this.#sweep);
    await Promise.all([this.#audit.close(LAST_NOTES_MS), this.#hooks.close()]);
    await this.#leadership?.close();
    if (led && this.#store.kind === 'etcd') await this.#nextLeader();
    const agentsClosed = this.#agentListener?.close(GRACE_MS);
    this.#over.abort(shuttingDown());
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
      agents: this.#agents,
      metrics: this.#metrics,
      log,
      version,
      initialTimers,
      electionTtlMs,
      keep,
      role: this.#role,
      fail: (error) => this.#fail(error),
    });
  }

  /** Resolves when this controller leads, or knows who does. */
  async #leadOrFollow(leadership: Leadership, candidate: Candidate): Promise<void> {
    const leading = leadership.start();
    leading.catch((error: unknown) => {
      if (this.#ready) this.#fail(error);
    });
    await Promise.race([leading, this.#replica.start(candidate), aborted(this.#options.signal)]);
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
    const next = await this.#replica.view.when(() => this.#replica.otherLeader, patience);
    if (next !== undefined) await sleep(LEAVE_MS);
  }

  #leaderTerm(): LeaderTerm {
    const leaderTerm = this.#leadership?.leaderTerm;
    if (leaderTerm === undefined) throw notLeader();
    return leaderTerm;
  }

  #staleReads(): () => StaleReads {
    const { version, initialTimers, keep } = this.#options;
    const stale = new StaleReads({
      copy: this.#replica.copy,
      identity: this.#identity,
      term: () => this.#replica.view.leader?.term ?? 1,
      clock: systemClock,
      version,
      initialTimers,
      keep,
    });
    return () => stale;
  }

  #apiContext(leaderTerm: ApiContext['leaderTerm']): ApiContext {
    const { version, shownSettings: settings = () => [] } = this.#options;
    return {
      leaderTerm,
      controllers: this.#replica.controllers,
      copies: this.#replica.copies,
      trouble: () => this.#trouble(),
      hooks: this.#hooks,
      agents: this.#agents,
      ...this.#authority?.api,
      storeKind: this.#store.kind,
      version,
      diagnostics: () => diagnose({ controller: this.#self, version, settings: settings(), metrics: this.#metrics }),
      streams: new StreamCount(),
      bookmarkMs: BOOKMARK_MS,
    };
  }

  #trouble(): readonly Deviation[] {
    const { controllers, copies } = this.#replica;
    const status = this.#leadership?.leaderTerm?.storeStatus;
    const [followers, certificates] = [copies.followers, this.#tls?.certificates ?? []];
    const beside = troubleBeside({ status, gone: controllers.gone(), followers, certificates }, systemClock());
    return [...beside, ...this.#audit.trouble, ...this.#hooks.trouble, ...(this.#authority?.trouble ?? [])];
  }

  get service(): ServiceState {
    return { words: this.#readiness().words, isWell: doesItsWork(this.#leadership?.leaderTerm) };
  }

  #readiness(): Readiness {
    return readinessOf(this.#role.now, this.#leadership?.leaderTerm?.trouble);
  }

  /** Each controller answers calls while one of them leads; `leader` tells load balancers which one that is. */
  async #showHealth(): Promise<void> {
    for await (const role of this.#role.changes(this.#over.signal)) {
      this.#health.setAll(readinessOf(role).ready ? 'SERVING' : 'NOT_SERVING');
      this.#health.set('leader', role.kind === 'LEADING' ? 'SERVING' : 'NOT_SERVING');
    }
  }
}
