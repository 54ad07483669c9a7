/** This controller among those that share its store: who leads, what becomes of the leader, and where calls and agents belong. */
import type { DescService } from '@bufbuild/protobuf';
import type { Logger } from '../../shared/log.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import type { Handover } from '../leadership/leadership.ts';
import type { Identity, Store } from '../store/store.ts';
import { watchAgentReach } from './agent-reach.ts';
import { type Candidate, encodeCandidate } from './candidate.ts';
import { Controllers } from './controllers.ts';
import { Forwarder } from './forwarder.ts';
import { LeaderView } from './leader-view.ts';
import { watchOverLeaders } from './leader-watchdog.ts';
import { WarmCopy } from './warm-copy.ts';

export interface ReplicaOptions {
  readonly store: Store;
  readonly identity: Identity;
  /** Id of this controller. */
  readonly self: string;
  readonly log: Logger;
  readonly agents: Pick<AgentStreams, 'pointTo' | 'heard' | 'refusedHellos'>;
  /** Whether this controller leads and takes calls. */
  readonly leads: () => boolean;
  readonly handOver: (handover: Handover) => Promise<void>;
  /** Longest heartbeat interval of all pools; asked while this controller leads. */
  readonly heartbeatMs: () => number;
  /** Services whose calls are the leader's affair. */
  readonly services: readonly DescService[];
  /** What this controller does or sees has changed. */
  readonly onChange: () => void;
  readonly shutdownSignal: AbortSignal;
}

export interface Readiness {
  readonly ready: boolean;
  readonly words: string;
}

export class Replica {
  readonly view: LeaderView;
  readonly forwarder: Forwarder;
  readonly controllers: Controllers;
  readonly copy: WarmCopy;
  readonly #options: ReplicaOptions;
  #following: AbortController | undefined;

  constructor(options: ReplicaOptions) {
    const { store, self, log, leads, handOver, services, shutdownSignal } = options;
    this.#options = options;
    this.view = new LeaderView({ store, log });
    this.forwarder = new Forwarder({ view: this.view, self, leads, services, shutdownSignal });
    this.controllers = new Controllers({ store, view: this.view, handOver });
    this.copy = new WarmCopy(store, log);
  }

  /** Joins the others and follows who leads. Resolves when it is known that somebody else does; never, if nobody else does. */
  async start(candidate: Candidate): Promise<void> {
    const { store, view } = { store: this.#options.store, view: this.view };
    const { self, log, shutdownSignal } = this.#options;
    view.onChange(() => this.#look(), shutdownSignal);
    view.start(shutdownSignal);
    // Only for lists: a store that does not answer now must not keep the controller from starting.
    store.join(encodeCandidate(candidate)).catch((error: unknown) => {
      if (!shutdownSignal.aborted) log.warn({ err: error }, 'this controller is not shown in lists of controllers');
    });
    // An embedded store has one controller, which nobody watches and nobody could take the lead from.
    if (store.kind === 'etcd') {
      void this.controllers.watch(shutdownSignal);
      watchOverLeaders({ store, view, self, log }, shutdownSignal);
      void watchAgentReach({ ...this.#options, view }, shutdownSignal);
    }
    this.#look();
    await view.when(() => (this.otherLeader === undefined ? undefined : true), shutdownSignal);
  }

  /** The controller that leads, if it is another one. */
  get otherLeader() {
    const { leader } = this.view;
    return leader === undefined || leader.id === this.#options.self ? undefined : leader;
  }

  #look(): void {
    const { agents, leads, onChange } = this.#options;
    const { otherLeader } = this;
    const other = { endpoint: otherLeader?.agent ?? '', term: otherLeader?.term ?? 0 };
    agents.pointTo(otherLeader === undefined || leads() || this.view.isDoubted ? undefined : other);
    this.#keepCopy();
    onChange();
  }

  get readiness(): Readiness {
    const { leads } = this.#options;
    if (leads()) return { ready: true, words: 'leader' };
    const { storeProblem } = this.view;
    if (storeProblem !== undefined) return { ready: false, words: `no store: ${storeProblem}` };
    if (this.otherLeader === undefined) return { ready: false, words: 'follower of nobody: none leads just now' };
    return { ready: true, words: `follower of ${this.otherLeader.id}` };
  }

  /** The copy is a follower's; a leader has the state itself. */
  #keepCopy(): void {
    const { leads, shutdownSignal } = this.#options;
    const follows = !leads() && this.otherLeader !== undefined;
    if (!follows) {
      this.#following?.abort();
      this.#following = undefined;
    } else if (this.#following === undefined) {
      this.#following = new AbortController();
      void this.copy.follow(AbortSignal.any([this.#following.signal, shutdownSignal]));
    }
  }
}
