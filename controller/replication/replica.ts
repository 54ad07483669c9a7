/** This controller among those that share its store: who leads, what becomes of the leader, and where calls and agents belong. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescService } from '@bufbuild/protobuf';
import type { KnownCaller } from '../../shared/access/principal.ts';
import type { Logger } from '../../shared/log.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import type { StoreTrouble } from '../engine/committer.ts';
import type { Handover, Role, RoleWatch } from '../leadership/role.ts';
import type { Store } from '../store/store.ts';
import { watchAgentReach } from './agent-reach.ts';
import { type Candidate, encodeCandidate } from './candidate.ts';
import { Controllers } from './controllers.ts';
import { CopyCatchUp } from './copy-catch-up.ts';
import { CopyReports } from './copy-reports.ts';
import { Forwarder } from './forwarder.ts';
import { LeaderView } from './leader-view.ts';
import { watchOverLeaders } from './leader-watchdog.ts';
import { MemberNotes } from './member-notes.ts';
import type { PeerTls } from './peer.ts';
import { WarmCopy } from './warm-copy.ts';

/** Between two tries to tell the store that this controller is there. */
const JOIN_AGAIN_MS = 2_000;

export interface ReplicaOptions {
  readonly store: Store;
  /** Id of this controller. */
  readonly self: string;
  readonly log: Logger;
  readonly agents: Pick<AgentStreams, 'pointTo' | 'heard' | 'refusedHellos'>;
  /** What this controller is; this one says what it sees of the others. */
  readonly role: RoleWatch;
  /** Services whose calls are the leader's affair. */
  readonly services: readonly DescService[];
  readonly shutdownSignal: AbortSignal;
  /** Says for whom a call is passed on. */
  readonly vouchFor: (path: string, caller: KnownCaller) => Readonly<Record<string, string>>;
  /** Says to the leader that it is this controller. */
  readonly vouchForItself: (path: string) => Readonly<Record<string, string>>;
  /** How calls are passed on to the leader. Default: in plaintext. */
  readonly tls?: PeerTls | undefined;
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
  readonly catchUp: CopyCatchUp;
  /** How far the copies of followers are. */
  readonly copies: CopyReports;
  readonly notes: MemberNotes;
  readonly #options: ReplicaOptions;
  #following: AbortController | undefined;

  constructor(options: ReplicaOptions) {
    const { store, self, log, role, services, shutdownSignal } = options;
    this.#options = options;
    this.view = new LeaderView({ store, log });
    const { view } = this;
    this.forwarder = new Forwarder({
      view,
      self,
      leads: () => role.leads,
      services,
      shutdownSignal,
      vouchFor: options.vouchFor,
      tls: options.tls,
    });
    this.controllers = new Controllers({
      store,
      view: this.view,
      handOver: (handover) => handOver(role.now, handover),
    });
    this.copy = new WarmCopy(store, log);
    this.catchUp = new CopyCatchUp({ store, copy: this.copy });
    const { copy, controllers } = this;
    const { vouchForItself, tls } = options;
    this.copies = new CopyReports({ self, role, view, copy, controllers, vouchForItself, tls, log });
    this.notes = new MemberNotes(store);
  }

  /** Joins the others and follows who leads. Resolves when it is known that somebody else does; never, if nobody else does. */
  async start(candidate: Candidate): Promise<void> {
    const { store, view } = { store: this.#options.store, view: this.view };
    const { self, log, role, agents, shutdownSignal } = this.#options;
    view.watch(() => this.#see(), shutdownSignal);
    void this.#follow();
    view.start(shutdownSignal);
    void this.#join(candidate);
    // An embedded store has one controller, which nobody watches and nobody could take the lead from.
    if (store.kind === 'etcd') {
      void this.controllers.watch(shutdownSignal);
      this.copies.start(shutdownSignal);
      watchOverLeaders({ store, view, self, log }, shutdownSignal);
      const reach = {
        leads: () => role.leads,
        handOver: (handover: Handover) => handOver(role.now, handover),
        heartbeatMs: () => longestHeartbeatMs(role.now),
      };
      void watchAgentReach({ store, notes: this.notes, view, self, log, agents, ...reach }, shutdownSignal);
    }
    this.#see();
    await view.when(() => (this.otherLeader === undefined ? undefined : true), shutdownSignal);
  }

  /** For lists, and for its key. A store that does not answer now must not keep the controller from starting: it joins later. */
  async #join(candidate: Candidate): Promise<void> {
    const { store, log, shutdownSignal } = this.#options;
    while (!shutdownSignal.aborted) {
      try {
        return await store.join(encodeCandidate(candidate));
      } catch (error) {
        if (!shutdownSignal.aborted) log.warn({ err: error }, 'the other controllers do not know this one yet');
      }
      await sleep(JOIN_AGAIN_MS, undefined, { signal: shutdownSignal, ref: false }).catch(() => undefined);
    }
  }

  /** The controller that leads, if it is another one. */
  get otherLeader() {
    const { leader } = this.view;
    return leader === undefined || leader.id === this.#options.self ? undefined : leader;
  }

  #see(): void {
    const { otherLeader: leader } = this;
    const { storeProblem, isDoubted } = this.view;
    const { role } = this.#options;
    role.see(
      leader === undefined
        ? { kind: 'LEADERLESS', storeProblem }
        : { kind: 'FOLLOWING', leader, isDoubted, storeProblem },
    );
  }

  /** Sends agents and calls to where they belong, whatever becomes of this controller. */
  async #follow(): Promise<void> {
    const { role, agents, shutdownSignal } = this.#options;
    for await (const now of role.changes(shutdownSignal)) {
      agents.pointTo(
        now.kind === 'FOLLOWING' && !now.isDoubted ? { endpoint: now.leader.agent, term: now.leader.term } : undefined,
      );
      this.#keepCopy(now);
      // Calls wait for what they see there.
      this.view.touch();
    }
  }

  /** The copy is a follower's; a leader has the state itself. */
  #keepCopy(now: Role): void {
    const { shutdownSignal } = this.#options;
    if (now.kind !== 'FOLLOWING') {
      this.#following?.abort();
      this.#following = undefined;
    } else if (this.#following === undefined) {
      this.#following = new AbortController();
      void this.copy.follow(AbortSignal.any([this.#following.signal, shutdownSignal]));
    }
  }
}

/** What a probe of this controller is answered. `trouble`: of the store of this leader. */
export function readinessOf(role: Role, trouble?: StoreTrouble): Readiness {
  if (trouble !== undefined) return { ready: false, words: `no store: it takes no writes: ${trouble.detail}` };
  if (role.kind === 'LEADING') return { ready: true, words: 'leader' };
  if (role.storeProblem !== undefined) return { ready: false, words: `no store: ${role.storeProblem}` };
  if (role.kind === 'LEADERLESS') return { ready: false, words: 'follower of nobody: none leads just now' };
  return { ready: true, words: `follower of ${role.leader.id}` };
}

async function handOver(role: Role, handover: Handover): Promise<void> {
  if (role.kind === 'LEADING') await role.handOver(handover);
}

function longestHeartbeatMs(role: Role): number {
  const pools = role.kind === 'LEADING' ? [...role.leaderTerm.state.pools.values()] : [];
  return Math.max(0, ...pools.map(({ timers }) => timers.heartbeatMs));
}
