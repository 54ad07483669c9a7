/** What the tests of this folder share: one cluster, its seed, and what was measured on it. */

import { present } from '../../shared/assert.ts';
import { Prng } from '../../shared/prng.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import type { Fault } from './faults.ts';
import { Figures } from './figures.ts';
import { LeaderLog } from './leader-log.ts';
import { ALL_REPLICAS_TIMEOUT_MS, type Api, ReplicatedCluster } from './replicated-cluster.ts';
import { Writer } from './writer.ts';

export const POLICIES = 50;
const SERVERS = ['s1', 's2', 's3', 's4', 's5'];

export class Suite {
  readonly seed: number;
  readonly prng: Prng;
  readonly figures = new Figures();
  readonly cluster: ReplicatedCluster;
  readonly writer: Writer;
  readonly #leaders: LeaderLog;

  private constructor(seed: number, cluster: ReplicatedCluster, leaders: LeaderLog) {
    this.seed = seed;
    this.prng = new Prng(seed);
    this.cluster = cluster;
    this.writer = new Writer(cluster);
    this.#leaders = leaders;
  }

  /** Three controllers, five agents, and fifty policies that run, ten on each. */
  static async start(seed: number): Promise<Suite> {
    const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3']);
    const suite = new Suite(seed, cluster, await LeaderLog.open(cluster.etcd.endpoints, 'locum'));
    for (const server of SERVERS) cluster.startAgent(server);
    await cluster.allGranted();
    const { policies } = cluster.api;
    const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
    const command = { pool: 'pools/default', trigger: onDemand, maxConcurrentRuns: 20 };
    await policies.createPolicy({ policy: cluster.witness.brief('command', command) });
    for (let i = 0; i < POLICIES; i += 1) {
      // Ten for each server, so that each has something to lose.
      const servers = [...SERVERS.slice(i % 5), ...SERVERS.slice(0, i % 5)].map((server) => `servers/${server}`);
      await policies.createPolicy({ policy: cluster.witness.lasting(`p${i}`, { pool: 'pools/default', servers }) });
    }
    await cluster.until('all policies run', async () => (suite.count('start') >= POLICIES ? true : undefined));
    return suite;
  }

  /** How often the lasting policies said this. */
  count(what: string, policies = /^p\d/): number {
    return this.cluster.witness.all().filter((said) => policies.test(said.run) && said.what === what).length;
  }

  /** Starts a run; the wall time at which its process said that it began. */
  async firstCommand(api: Api = this.cluster.api): Promise<number> {
    const { witness } = this.cluster;
    const { run } = await api.policies.startPolicy(
      { name: 'policies/command' },
      { timeoutMs: ALL_REPLICAS_TIMEOUT_MS },
    );
    const id = present(run, 'a run').name.slice('runs/'.length);
    return (await this.cluster.until(`${id} begins`, async () => witness.of(id)[0])).wallMs;
  }

  /** Lets a fault happen, heals it, waits until all is well again, and measures. */
  async suffer({ name, losesLeader, happen }: Fault): Promise<void> {
    const { cluster, figures, writer, prng } = this;
    writer.takeLongestGapMs();
    // Connected before, as those are who ask all the time.
    await Promise.all(cluster.controllers.map((id) => cluster.apiOf(id).cluster.getStatus({})));
    const atWall = Date.now();
    const { ask, heal } = await happen(cluster, prng);
    const api = cluster.apiOf(ask);
    if (losesLeader) await this.#measureNextLeader(name, atWall, api);
    else {
      await this.firstCommand(api);
      figures.span(`${name}: all agents granted since`, (await cluster.allGranted(atWall, api)) - atWall);
    }
    await heal();
    await cluster.allControllers();
    figures.span(`${name}: longest time without an acknowledged write`, writer.takeLongestGapMs());
  }

  async #measureNextLeader(name: string, atWall: number, api: Api): Promise<void> {
    const { cluster, figures } = this;
    // Asked for while nobody leads, as by somebody who does not know.
    const asked = this.firstCommand(api);
    const elected = await this.#leaders.nextTermWallMs(atWall);
    figures.span(`${name}: time without a leader`, elected - atWall);
    const granted = cluster.allGranted(elected, api);
    const first = await asked;
    // A leader that hands over answers what it was asked before.
    figures.span(
      `${name}: first command of the next leader`,
      (first > elected ? first : await this.firstCommand(api)) - atWall,
    );
    figures.span(`${name}: all agents granted again`, (await granted) - atWall);
  }

  /** Why a call was refused; undefined: it was not. */
  static async reasonOf(asked: Promise<unknown>): Promise<string | undefined> {
    return asked.then(
      () => undefined,
      (error: unknown) => fromConnectError(error)?.reason,
    );
  }

  async stop(): Promise<void> {
    await this.writer.end();
    await this.#leaders.close();
    await this.cluster.stop();
  }
}
