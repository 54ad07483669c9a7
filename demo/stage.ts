/** Where the story plays: a local cluster, its clients, and patience with a limit. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@connectrpc/connect';
import { LocalCluster } from '../cli/dev/local-cluster.ts';
import { freePort } from '../cli/dev/ports.ts';
import { SHORT } from '../cli/dev/scaled-timers.ts';
import type { Event } from '../shared/gen/locum/v1/event_pb.ts';
import { EventService } from '../shared/gen/locum/v1/event_service_pb.ts';
import type { Policy } from '../shared/gen/locum/v1/policy_pb.ts';
import { PolicyService } from '../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../shared/gen/locum/v1/pool_service_pb.ts';
import { type Run, RunState } from '../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../shared/gen/locum/v1/run_service_pb.ts';
import { type Liveness, LivenessSchema, type Server } from '../shared/gen/locum/v1/server_pb.ts';
import { ServerService } from '../shared/gen/locum/v1/server_service_pb.ts';
import { parseEventName } from '../shared/resource-name.ts';
import { Timeline } from './timeline.ts';
import { type Testimony, Witness } from './witness.ts';

export interface StageOptions {
  readonly dataDir: string;
  readonly realTimers: boolean;
}

/** What does not happen within this time, beyond the timers, does not happen. */
const PATIENCE_MS = 20_000;
const POLL_MS = 20;
const MAX_EVENTS = 1_000;

/** A step that did not happen: the story can't go on. */
export class StoryBroken extends Error {
  override readonly name = 'StoryBroken';
}

export class Stage {
  readonly cluster: LocalCluster;
  readonly witness: Witness;
  readonly timeline = new Timeline();
  readonly policies: Client<typeof PolicyService>;
  readonly servers: Client<typeof ServerService>;
  readonly runs: Client<typeof RunService>;
  readonly pools: Client<typeof PoolService>;
  readonly #events: Client<typeof EventService>;
  #shownEvent = 0;

  private constructor(cluster: LocalCluster, dataDir: string) {
    this.cluster = cluster;
    this.witness = new Witness(join(dataDir, 'witness'));
    this.policies = createClient(PolicyService, cluster.transport);
    this.servers = createClient(ServerService, cluster.transport);
    this.runs = createClient(RunService, cluster.transport);
    this.pools = createClient(PoolService, cluster.transport);
    this.#events = createClient(EventService, cluster.transport);
  }

  static async open({ dataDir, realTimers }: StageOptions): Promise<Stage> {
    const [apiPort, agentPort] = [await freePort(), await freePort()];
    return new Stage(new LocalCluster({ dataDir, apiPort, agentPort, timers: realTimers ? 1 : SHORT }), dataDir);
  }

  /** Around a cluster that somebody else made, and will stop. */
  static around(cluster: LocalCluster): Stage {
    return new Stage(cluster, cluster.dataDir);
  }

  async apply(policy: Policy): Promise<void> {
    await this.policies.updatePolicy({ policy, allowMissing: true });
  }

  /** The runs of a policy that have not ended, oldest first. */
  async runsOf(policy: string): Promise<readonly Run[]> {
    const { runs } = await this.runs.listRuns({ policy: `policies/${policy}`, pageSize: MAX_EVENTS });
    return runs.toReversed();
  }

  async server(id: string): Promise<Server | undefined> {
    return (await this.servers.getServer({ name: `servers/${id}` })).server;
  }

  /** @throws StoryBroken when it does not happen. `withinMs` is added to the general patience. */
  async until<T>(goal: string, look: () => Promise<T | undefined>, withinMs = 0): Promise<T> {
    const deadline = performance.now() + withinMs + PATIENCE_MS;
    do {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(POLL_MS);
    } while (performance.now() < deadline);
    throw new StoryBroken(`did not happen within ${Math.round((withinMs + PATIENCE_MS) / 1000)} s: ${goal}`);
  }

  /** A run of the policy that runs on a server. */
  async running(policy: string, server: string, withinMs = 0): Promise<Run> {
    return this.until(
      `${policy} runs on ${server}`,
      async () =>
        (await this.runsOf(policy)).find((run) => run.state === RunState.RUNNING && run.server === `servers/${server}`),
      withinMs,
    );
  }

  /** What a run's newest process wrote first. RUNNING means that the process exists; its first line comes a moment later. */
  async begun({ name, attempts }: Run): Promise<Testimony> {
    const epoch = attempts.at(-1)?.epoch;
    return this.until(`${name} says that it started`, async () =>
      this.witness.of(name.slice('runs/'.length)).find((said) => said.what === 'start' && said.epoch === epoch),
    );
  }

  async liveness(server: string, wanted: Liveness, withinMs = 0): Promise<Server> {
    const word = LivenessSchema.value[wanted]?.localName ?? '';
    const look = async (): Promise<Server | undefined> => {
      const found = await this.server(server);
      return found?.liveness === wanted ? found : undefined;
    };
    return this.until(`${server} is ${word}`, look, withinMs);
  }

  /** Events since the last time this was asked, oldest first. */
  async newEvents(): Promise<readonly Event[]> {
    const { events } = await this.#events.listEvents({ pageSize: MAX_EVENTS });
    const fresh = events.filter(({ name }) => (parseEventName(name) ?? 0) > this.#shownEvent).toReversed();
    this.#shownEvent = parseEventName(fresh.at(-1)?.name ?? '') ?? this.#shownEvent;
    return fresh;
  }

  /** Shows the decisions since the last time. */
  async showDecisions(): Promise<readonly Event[]> {
    const events = await this.newEvents();
    for (const event of events) if (!UNINTERESTING.has(event.type)) this.timeline.decision(event);
    return events;
  }
}

/** Steps between a decision and its outcome, and what the demo itself did. */
const UNINTERESTING = new Set([
  'LEADER_ELECTED',
  'POOL_UPDATED',
  'POLICY_CREATED',
  'RUN_CREATED',
  'RUN_STARTING',
  'SERVER_CAPABILITIES_CHANGED',
  'SERVER_UPDATED',
]);
