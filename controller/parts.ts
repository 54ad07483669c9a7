/** What a controller consists of, beside its listeners and its leadership, and what these parts tell each other and the outside of it. */
import { AgentService } from '../shared/gen/locum/v1/agent_service_pb.ts';
import type { ServiceState } from '../shared/host/service-notifier.ts';
import { HealthTable } from '../shared/rpc/health.ts';
import { AccessParts } from './access/access-parts.ts';
import { AuthorityWatch } from './access/authority-watch.ts';
import type { ControllerTls } from './access/controller-tls.ts';
import { AgentStreams } from './agents/agent-streams.ts';
import { type ApiContext, notLeader, StreamCount } from './api/api-context.ts';
import { API_SERVICES } from './api/api-services.ts';
import { AuditParts } from './audit/audit-parts.ts';
import { controllerId } from './config/controller-id.ts';
import type { Deviation } from './core/views.ts';
import { diagnose } from './diagnostics.ts';
import { systemClock } from './engine/clock.ts';
import { Hooks } from './hooks/hooks.ts';
import type { LeaderTerm } from './leadership/leader-term.ts';
import { RoleWatch } from './leadership/role.ts';
import { ControllerMetrics } from './metrics.ts';
import type { ControllerOptions } from './options.ts';
import { type Readiness, Replica, readinessOf } from './replication/replica.ts';
import { StaleReads } from './replication/stale-reads.ts';
import type { Identity, Store } from './store/store.ts';
import { doesItsWork, troubleBeside } from './trouble.ts';

/** How long agents wait here for a leader; below the time that they give a Hello. */
const AGENT_PATIENCE_MS = 900;
const BOOKMARK_MS = 10_000;

/** What they are made from. */
export interface Ground {
  readonly options: ControllerOptions;
  readonly store: Store;
  readonly identity: Identity;
  readonly tls: ControllerTls | undefined;
  /** Undefined: this controller does not lead. */
  readonly leaderTerm: () => LeaderTerm | undefined;
  /** Ends the connection of an agent. */
  readonly cut: (peer: string) => void;
}

export class ControllerParts {
  readonly #ground: Ground;
  readonly self: string;
  readonly metrics = new ControllerMetrics();
  readonly health = new HealthTable([...API_SERVICES, AgentService]);
  readonly role = new RoleWatch();
  /** Aborted when the controller closes. */
  readonly over = new AbortController();
  readonly agents: AgentStreams;
  readonly replica: Replica;
  readonly access: AccessParts;
  readonly audit: AuditParts;
  readonly hooks: Hooks;
  readonly authority: AuthorityWatch | undefined;

  constructor(ground: Ground) {
    const { options, store, identity, tls, leaderTerm, cut } = ground;
    const { log, dataDirectory } = options;
    this.#ground = ground;
    this.self = controllerId(options);
    this.agents = new AgentStreams({
      clock: systemClock,
      log,
      metrics: this.metrics,
      patienceMs: store.kind === 'etcd' ? AGENT_PATIENCE_MS : 0,
      denied: (denial) => this.audit.noteDenial(denial),
      owner: { cut },
    });
    this.access = new AccessParts({
      self: this.self,
      open: options.open ?? false,
      ...{ dataDirectory, rootsPem: tls?.authority.rootsPem, log },
      leaderTerm,
      replica: () => this.replica,
      ...{ providers: options.identityProviders, shutdownSignal: this.over.signal },
    });
    this.replica = new Replica({
      store,
      self: this.self,
      log,
      agents: this.agents,
      role: this.role,
      services: API_SERVICES,
      vouchFor: (path, caller) => this.access.vouching.vouchFor(path, caller),
      vouchForItself: (path) => this.access.vouching.vouchForItself(path),
      shutdownSignal: this.over.signal,
      tls: tls?.peers,
    });
    this.audit = new AuditParts({
      ...{ settings: options.audit, dataDirectory, clusterId: identity.clusterId, self: this.self },
      ...{ clock: systemClock, log, leaderTerm },
      view: this.replica.view,
      vouchForItself: (path) => this.access.vouching.vouchForItself(path),
      tls: tls?.peers,
      signal: this.over.signal,
    });
    this.hooks = new Hooks({
      ...{ settings: options.hooks ?? [], clusterId: identity.clusterId, version: options.version },
      ...{ clock: systemClock, log, role: this.role, signal: this.over.signal },
    });
    this.authority = tls && new AuthorityWatch({ tls, store, replica: this.replica, leaderTerm, dataDirectory, log });
    this.#showInMetrics();
  }

  #showInMetrics(): void {
    this.metrics.auditSinks = () => this.audit.sinks;
    this.metrics.hooks = this.hooks;
    this.metrics.trouble = () => this.#trouble();
    this.metrics.followers = () => this.replica.copies.followers;
    this.metrics.tls = this.#ground.tls;
  }

  /** What calls are answered from while this controller leads. */
  get api(): ApiContext {
    return this.#apiContext(() => this.#leaderTerm());
  }

  /** What reads are answered from that may be late: the copy of a follower. */
  get staleApi(): ApiContext {
    const { options, identity } = this.#ground;
    const stale = new StaleReads({
      copy: this.replica.copy,
      identity,
      term: () => this.replica.view.leader?.term ?? 1,
      clock: systemClock,
      version: options.version,
      initialTimers: options.initialTimers,
      keep: options.keep,
    });
    return this.#apiContext(() => stale);
  }

  #apiContext(leaderTerm: ApiContext['leaderTerm']): ApiContext {
    const { version, shownSettings: settings = () => [] } = this.#ground.options;
    return {
      leaderTerm,
      controllers: this.replica.controllers,
      copies: this.replica.copies,
      trouble: () => this.#trouble(),
      hooks: this.hooks,
      agents: this.agents,
      ...this.authority?.api,
      storeKind: this.#ground.store.kind,
      version,
      diagnostics: () => diagnose({ controller: this.self, version, settings: settings(), metrics: this.metrics }),
      streams: new StreamCount(),
      bookmarkMs: BOOKMARK_MS,
    };
  }

  #leaderTerm(): LeaderTerm {
    const leaderTerm = this.#ground.leaderTerm();
    if (leaderTerm === undefined) throw notLeader();
    return leaderTerm;
  }

  #trouble(): readonly Deviation[] {
    const { controllers, copies } = this.replica;
    const status = this.#ground.leaderTerm()?.storeStatus;
    const [followers, certificates] = [copies.followers, this.#ground.tls?.certificates ?? []];
    const beside = troubleBeside({ status, gone: controllers.gone(), followers, certificates }, systemClock());
    return [...beside, ...this.audit.trouble, ...this.hooks.trouble, ...(this.authority?.trouble ?? [])];
  }

  get service(): ServiceState {
    return { words: this.readiness.words, isWell: doesItsWork(this.#ground.leaderTerm()) };
  }

  get readiness(): Readiness {
    return readinessOf(this.role.now, this.#ground.leaderTerm()?.trouble);
  }

  /** Each controller answers calls while one of them leads; `leader` tells load balancers which one that is. Until `over`. */
  async showHealth(): Promise<void> {
    for await (const role of this.role.changes(this.over.signal)) {
      this.health.setAll(readinessOf(role).ready ? 'SERVING' : 'NOT_SERVING');
      this.health.set('leader', role.kind === 'LEADING' ? 'SERVING' : 'NOT_SERVING');
    }
  }
}
