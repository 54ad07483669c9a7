/** Faults by script: a simulated world in which only that happens what a test says, with the same checks as in any seed. */

import type { Event } from '../../agent/core/event.ts';
import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import type { Call } from '../../controller/core/cluster/event.ts';
import { isEnded } from '../../controller/core/records/run-state.ts';
import type { Run, Server } from '../../controller/core/records/state.ts';
import { present } from '../../shared/assert.ts';
import { DEFAULT_POOL, type PolicyId, policyId, serverId } from '../../shared/ids.ts';
import type { AgentMessage } from '../../shared/protocol/agent-message.ts';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { stillWaiting } from './checks/liveness.ts';
import type { ControllerNode } from './controller.ts';
import { specOf } from './intentions.ts';
import type { Link } from './network.ts';
import type { Plan, PolicyPlan } from './plan.ts';
import { Site, serverName } from './site.ts';
import type { Tree } from './tree.ts';
import { World } from './world.ts';

/** A policy of a story: one continuous run that obeys, unless said otherwise. */
export function policy(name: string, change: Partial<PolicyPlan> = {}): PolicyPlan {
  return {
    ...{
      name,
      pool: DEFAULT_POOL,
      onDisconnect: 'STOP',
      trigger: { kind: 'continuous' },
      maxConcurrentRuns: 1,
      stopTimeoutMs: undefined,
    },
    behaviour: { deafShare: 0, termMs: 200, meanLifeMs: Number.POSITIVE_INFINITY, failShare: 0 },
    ...change,
  };
}

export class Story {
  readonly world: World;

  constructor(options: {
    readonly policies: readonly PolicyPlan[];
    readonly servers?: number;
    readonly change?: Partial<Plan>;
  }) {
    const { policies, servers = 3, change = {} } = options;
    this.world = new World(
      {
        ...{
          seed: 1,
          controllers: 3,
          servers,
          policies,
          timers: DEFAULT_TIMERS,
          defaultMaxSlots: 50,
          faultMs: 10 * MINUTE,
        },
        ...{ faults: new Map(), callEveryMs: 0, drift: 0, adverseClocks: false, networkDelayMs: 2, storeDelayMs: 2 },
        ...{
          storeTimeoutMs: 5_000,
          verifyIntervalMs: 100,
          keepalive: false,
          tellDeposed: false,
          electionTtlMs: 5_000,
          codec: true,
          sickness: undefined,
          pools: [DEFAULT_POOL],
          wallErrorMs: 1_000,
          storeWrites: 4,
        },
        ...change,
      },
      2_000,
    );
    const { ledger } = this.world;
    for (const { name, maxConcurrentRuns } of policies) ledger.mostRuns.set(policyId(name), maxConcurrentRuns);
    this.world.begin();
    this.pass(5 * SECOND);
    const order = Array.from({ length: servers }, (_, index) => serverName(index));
    this.call({ kind: 'set_order', pool: DEFAULT_POOL, servers: order, etag: '', apply: 'NEW_ONLY' });
    this.pass(SECOND);
    for (const planned of policies)
      this.call({ kind: 'create_policy', policy: policyId(planned.name), spec: specOf(planned) });
    this.pass(10 * SECOND);
  }

  pass(ms: number): void {
    const { queue } = this.world;
    queue.runUntil(queue.now + ms, () => false);
  }

  call(request: Call): void {
    this.world.operators.call(request);
  }

  get leader(): ControllerNode {
    return present(this.world.leader(), 'somebody leads').controller;
  }

  get state(): ClusterState {
    return present(this.world.leader(), 'somebody leads').term.core.state;
  }

  site(name: string): Site {
    return present(
      this.world.sites.find((site) => site.name === name),
      `there is ${name}`,
    );
  }

  server(name: string): Server {
    return present(this.state.servers.get(serverId(name)), `${name} is registered`);
  }

  /** Unended runs of a policy, oldest first. */
  runs(name: string): readonly Run[] {
    return [...this.state.runs.values()].filter((run) => run.policy === policyId(name) && !isEnded(run));
  }

  /** The only one. */
  run(name: string): Run {
    return present(this.runs(name)[0], `${name} has a run`);
  }

  /** The leader receives this on the stream of a server's agent, as if the agent had sent it. */
  say(host: string, message: AgentMessage): void {
    const stream = [...this.world.network.streams].find((one) => one.host === host && one.agentOpen);
    this.leader.receive(present(stream, `${host} has a stream`), message);
  }

  /** The agent's ends of a host's streams break. */
  breakStreams(host: string): void {
    for (const stream of [...this.world.network.streams]) if (stream.host === host) stream.endAgent('reset');
  }

  /** Answers the starts that have reached an agent's core from now on. */
  noteStarts(host: string): () => readonly Event[] {
    const { agent } = this.site(host);
    const step = agent.step.bind(agent);
    const came: Event[] = [];
    agent.step = (event) => {
      if (event.kind === 'received' && event.message.kind === 'start') came.push(event);
      return step(event);
    };
    return () => [...came];
  }

  /** The next two starts reach an agent's core in the other order. Answers their epochs, as they came. */
  swapStarts(host: string): () => readonly number[] {
    const { agent } = this.site(host);
    const step = agent.step.bind(agent);
    const came: number[] = [];
    let first: Event | undefined;
    agent.step = (event) => {
      if (event.kind !== 'received' || event.message.kind !== 'start' || came.length === 2) return step(event);
      if (first === undefined) {
        first = event;
        return [];
      }
      came.push(event.message.epoch);
      const effects = step(event);
      if (first.kind === 'received' && first.message.kind === 'start') came.push(first.message.epoch);
      return [...effects, ...step(first)];
    };
    return () => came;
  }

  /** Living trees of a policy, as `host@epoch`. */
  living(name: string): readonly string[] {
    return this.trees(name).map(({ host, facts }) => `${host.name}@${facts.epoch}`);
  }

  trees(name: string): readonly Tree[] {
    const id: PolicyId = policyId(name);
    return [...this.world.trees.living].filter(({ facts }) => facts.policy === id);
  }

  links(host: string): readonly Link[] {
    return this.world.controllers.map(({ endpoint }) => this.world.network.link(host, endpoint));
  }

  /** Nothing gets through to or from a host, until `mend`. */
  cut(host: string): void {
    for (const link of this.links(host)) for (const way of ['up', 'down'] as const) this.world.network.cut(link, way);
  }

  mend(host: string): void {
    for (const link of this.links(host)) for (const way of ['up', 'down'] as const) this.world.network.heal(link, way);
  }

  /** A second machine under the name of a server. `copied`: it was made from the first one's disk. */
  clone(of: string, { copied }: { readonly copied: boolean }): Site {
    const { directory } = this.site(of).host;
    const { server, pool } = this.site(of).host;
    const own = new Site(this.world, { name: `${of}x`, server, pool, isClone: true });
    if (copied) own.host.directory = { ...directory, journal: directory.journal.copy() };
    // It was booted a moment ago.
    own.host.clock.restart(this.world.queue.now);
    this.world.sites.push(own);
    own.startAgent();
    return own;
  }

  /** Everything works again; answers what was broken, and what does not run within the time of I5. */
  end(): readonly string[] {
    this.world.heal();
    this.pass(100 * SECOND);
    const broken = this.world.verdict.found.map(({ invariant, message }) => `${invariant}: ${message}`);
    return [...broken, ...stillWaiting(this.world).map(({ who, why }) => `${who}: ${why}`)];
  }
}
