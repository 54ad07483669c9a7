/** A whole simulated world, made from one seed: controllers, a store, hosts with agents and keepers, and those who watch over it. */

import type { ConnId } from '../../controller/core/records/state.ts';
import { createScheduleReader } from '../../controller/engine/schedules.ts';
import { DEFAULT_POOL, type PolicyId } from '../../shared/ids.ts';
import { Prng } from '../../shared/prng.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import { SECOND } from '../../shared/time.ts';
import type { AgentEnd } from './agent-conn.ts';
import { Certificates } from './certificates/certificates.ts';
import { AttemptBudget } from './checks/attempt-budget.ts';
import { IdentityChecks } from './checks/identity-checks.ts';
import { LeaderChecks } from './checks/leader-checks.ts';
import { Ledger, placeName } from './checks/ledger.ts';
import { Obedience } from './checks/obedience.ts';
import { type Fired, Ticks } from './checks/ticks.ts';
import { TreeChecks } from './checks/tree-checks.ts';
import { Wholeness } from './checks/wholeness.ts';
import { SimClock, someRate } from './clock.ts';
import { ControllerNode } from './controller.ts';
import { EventQueue } from './event-queue.ts';
import { Network } from './network.ts';
import { Operators } from './operators.ts';
import type { Plan } from './plan.ts';
import type { SeenTerm } from './seen-term.ts';
import { Sickness, type SicknessKind } from './sickness.ts';
import { Site, serverName } from './site.ts';
import { SimStore } from './store.ts';
import { Trace } from './trace.ts';
import type { Behaviour } from './tree.ts';
import { codecValues, tokenValues, type Values } from './values.ts';
import { Verdict } from './violation.ts';

/** What a policy that nobody planned does. */
const STEADY: Behaviour = { deafShare: 0, termMs: 200, meanLifeMs: Number.POSITIVE_INFINITY, failShare: 0 };

export class World {
  readonly plan: Plan;
  readonly trace: Trace;
  readonly queue = new EventQueue();
  readonly verdict = new Verdict();
  readonly ledger = new Ledger();
  /** One generator for each concern, so that a change in one does not shift all the others. */
  readonly random: Readonly<
    Record<'hosts' | 'network' | 'store' | 'controllers' | 'faults' | 'operators' | 'certificates', Prng>
  >;
  readonly store: SimStore;
  readonly network: Network;
  readonly trees: TreeChecks;
  readonly leaders: LeaderChecks;
  readonly obedience: Obedience;
  readonly controllers: readonly ControllerNode[];
  readonly sites: Site[];
  readonly operators: Operators;
  /** Undefined: nobody asks who comes. */
  readonly certificates: Certificates | undefined;
  /** Faults are over. */
  healed = false;
  /** When an older state of the store was restored. */
  restoredAt: number | undefined;
  /** The host that stays sick. */
  sick: Sickness | undefined;
  /** Clones made so far. */
  clones = 0;
  /** Leaders repeat the starts that they send before this time. */
  startsRepeatedUntil = 0;
  readonly #values: Values;
  readonly #wholeness: Wholeness;
  #isCured = false;
  readonly #ticks = new Ticks();
  readonly schedules = createScheduleReader();
  readonly #undos = new Set<() => void>();

  constructor(plan: Plan, traceLines: number) {
    this.plan = plan;
    this.trace = new Trace(traceLines);
    const root = new Prng(plan.seed + 1_000_003);
    this.random = {
      hosts: root.fork(),
      network: root.fork(),
      store: root.fork(),
      controllers: root.fork(),
      faults: root.fork(),
      operators: root.fork(),
      certificates: root.fork(),
    };
    const { queue, verdict, ledger } = this;
    if (plan.certificates !== undefined)
      this.certificates = new Certificates(this, plan.certificates, this.random.certificates);
    this.#values = plan.codec ? codecValues : tokenValues();
    this.#wholeness = new Wholeness(queue, verdict);
    const budget = new AttemptBudget(queue, verdict);
    this.store = new SimStore({
      queue,
      random: this.random.store,
      clusterId: `cluster-${plan.seed}`,
      delayMs: plan.storeDelayMs,
      timeoutMs: plan.storeTimeoutMs,
      values: this.#values,
      ttlMs: plan.controllers === 1 ? 0 : plan.electionTtlMs,
      maxWrites: plan.storeWrites,
      onRead: (records) => this.#wholeness.read(records),
      onRestored: (records) => this.#wholeness.restored(records),
      onCommit: ({ facts, writes }) => {
        this.#wholeness.committed(writes);
        ledger.apply(facts);
        for (const end of facts.ended) budget.ended(end);
        for (const tick of facts.fired) this.#noteTick(tick);
      },
      onTermOver: (term) => this.say('store', () => `term ${term} is over`),
    });
    this.network = new Network({
      queue,
      random: this.random.network,
      delayMs: plan.networkDelayMs,
      keepalive: plan.keepalive,
    });
    this.trees = new TreeChecks({ queue, verdict, ledger, store: this.store, say: this.say });
    this.leaders = new LeaderChecks({
      ...{ queue, verdict, ledger, trees: this.trees, store: this.store, schedules: this.schedules },
      placeOf: ({ controller }, conn) => {
        const host = this.endOf(controller, conn)?.host;
        return host && placeName(host.directory.instanceId, host.machineId);
      },
      identity: new IdentityChecks(this),
    });
    this.obedience = new Obedience(queue, verdict);
    this.controllers = Array.from({ length: plan.controllers }, (_, index) => this.#newController(`c${index + 1}`));
    this.sites = Array.from({ length: plan.servers }, (_, index) => {
      const server = serverName(index);
      return new Site(this, { name: server, server, pool: plan.pools[index % plan.pools.length] ?? DEFAULT_POOL });
    });
    this.operators = new Operators(this);
  }

  /** One host falls sick, as soon as there is one that has no other fault, and stays so. */
  fallSick(kind: SicknessKind): void {
    if (this.#isCured) return;
    const sound = this.sites.filter(
      ({ host, agent, isClone }) =>
        !isClone && host.faultyUntil < this.queue.now && host.clock.state === 'running' && agent.isRunning,
    );
    const busy = sound.filter(({ host }) => host.trees.size > 0);
    const site = this.random.faults.pick(busy.length > 0 ? busy : sound);
    if (site === undefined) {
      this.queue.after(SECOND, () => this.fallSick(kind));
      return;
    }
    this.sick = new Sickness(this, site, kind);
    this.sick.begin();
  }

  /** The wall clocks of controllers, as far as NTP brings them. */
  get clocksAgree(): boolean {
    return this.plan.wallErrorMs <= SECOND;
  }

  #noteTick(tick: Fired): void {
    const complaint = this.#ticks.fired(tick);
    // Where an older state came back, or clocks disagree, the log alone does not say which time was meant.
    if (complaint === undefined || this.restoredAt !== undefined || !this.clocksAgree) return;
    this.verdict.breaks('I10', this.queue.now, complaint);
  }

  cure(): void {
    this.sick?.end();
    this.sick = undefined;
    this.#isCured = true;
  }

  #newController(endpoint: string): ControllerNode {
    const { plan } = this;
    const random = this.random.controllers.fork();
    const clock = new SimClock({
      rate: someRate(random, plan, 'fast'),
      startMono: random.float() * 1e6,
      wallErrorMs: (random.float() - 0.5) * 2 * plan.wallErrorMs,
      disciplined: true,
    });
    return new ControllerNode(
      endpoint,
      { queue: this.queue, clock, random },
      {
        store: this.store,
        values: this.#values,
        recordsPerCommit: plan.controllers === 1 ? 1_000 : Math.min(100, 3 * plan.storeWrites),
        random,
        watch: this.leaders,
        initialTimers: plan.timers,
        verifyIntervalMs: plan.verifyIntervalMs,
        schedules: this.schedules,
        newDoor: (one) => this.certificates?.newDoor(one),
        repeatsStarts: () => this.queue.now < this.startsRepeatedUntil,
        leaderHint: () => (this.store.leader === undefined ? [] : [this.store.leader.name]),
        during: (ms, undo) => this.during(ms, undo),
        failed: this.failed,
        say: this.say,
      },
    );
  }

  /** Controllers and servers come up in the first seconds. */
  begin(): void {
    this.store.watchLeader();
    this.certificates?.begin();
    for (const controller of this.controllers) controller.start();
    for (const [index, site] of this.sites.entries()) this.queue.after(200 * index, () => site.startAgent());
  }

  /** The leader of the newest term, if it knows of it. */
  leader(): { readonly controller: ControllerNode; readonly term: SeenTerm } | undefined {
    for (const controller of this.controllers) {
      const { leads: term } = controller;
      if (term !== undefined && this.store.holds(term.term)) return { controller, term };
    }
    return undefined;
  }

  /** The agent's end of a stream of a controller. */
  endOf(controller: string, conn: ConnId): AgentEnd | undefined {
    return this.controllers.find(({ endpoint }) => endpoint === controller)?.endOf(conn);
  }

  behaviourOf(policy: PolicyId): Behaviour {
    const planned = this.plan.policies.find(({ name }) => name === policy)?.behaviour ?? STEADY;
    return this.healed ? { ...planned, meanLifeMs: Number.POSITIVE_INFINITY, failShare: 0 } : planned;
  }

  /** Every third attempt answers no check from some time on, and never again; while everything is well, all do. */
  failsChecks({ epoch }: AttemptRef): boolean {
    const sickFromMs = ((epoch * 37) % 120) * SECOND;
    return !this.healed && epoch % 3 === 0 && this.queue.now % (240 * SECOND) >= sickFromMs;
  }

  /** Undoes something after a while, or when faults end. */
  during(ms: number, undo: () => void): void {
    const once = (): void => {
      if (this.#undos.delete(once)) undo();
    };
    this.#undos.add(once);
    this.queue.after(ms, once);
  }

  /** Ends every fault at once, but for a sickness. */
  heal(): void {
    this.healed = true;
    this.say('world', () => 'HEAL');
    // Before an agent begins again because of it, and starts a keeper.
    for (const { host, keeper } of this.sites) {
      host.handsStuckUntil = 0;
      keeper.handsStuck = false;
    }
    for (const undo of [...this.#undos]) undo();
    this.certificates?.heal();
    this.network.healAll();
    for (const { agent } of this.sites) agent.interruptMs = undefined;
    Object.assign(this.store.trouble, { extraDelayMs: 0, refuse: 0, lose: 0 });
    for (const controller of this.controllers) controller.path.cuts = 0;
    this.store.reconnect();
    for (const site of this.sites) {
      site.refusesUntil = 0;
      for (const tree of site.host.trees) {
        tree.calm();
        tree.unkillableUntil = Math.min(tree.unkillableUntil, this.queue.now);
      }
    }
    this.sick?.goOn();
  }

  readonly say = (who: string, what: () => string): void => {
    if (this.trace.on) this.trace.say(this.queue.now, who, what());
  };

  readonly failed = (who: string, error: unknown): void => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.verdict.breaks('ASSERT', this.queue.now, `${who}: ${message}`);
  };
}
