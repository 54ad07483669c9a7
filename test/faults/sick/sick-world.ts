/** A controller, a healthy standby, and one host for each sickness, all at once; and what their policies and the controller say. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { LocalCluster } from '../../../cli/dev/local-cluster.ts';
import { freePort } from '../../../cli/dev/ports.ts';
import type { TimersScale } from '../../../cli/dev/scaled-timers.ts';
import { Stage } from '../../../demo/stage.ts';
import { ClusterService } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { Run } from '../../../shared/gen/locum/v1/run_pb.ts';
import type { Server } from '../../../shared/gen/locum/v1/server_pb.ts';
import { timersOf } from '../fault-world.ts';
import { CONTROLLER_ADDRESS, HostNetwork } from '../host-network.ts';
import { type Life, LifeWitness } from '../life-witness.ts';
import { MachineLag } from '../machine-lag.ts';
import { waitFor } from './command.ts';
import { ResourceGroup } from './resource-group.ts';
import { joinGroups, SickHost } from './sick-host.ts';
import type { Sickness } from './sickness.ts';
import type { UndoGuard } from './undo-guard.ts';

export const STANDBY = 'standby';
/** For all that every host has, and more. */
const STANDBY_SLOTS = 500;
const START_LIMIT_MS = 120_000;
/** Programs that start at the same time; more would only wait for each other. */
const STARTS_AT_ONCE = 4;
const PAGE = 1_000;

export class SickWorld {
  readonly dataDir: string;
  readonly hosts: readonly SickHost[];
  readonly stage: Stage;
  readonly cluster: LocalCluster;
  readonly network: HostNetwork;
  readonly witness: LifeWitness;
  readonly lag = new MachineLag();
  readonly timers: ReturnType<typeof timersOf>;
  readonly #guard: UndoGuard;

  private constructor(options: {
    readonly guard: UndoGuard;
    readonly cluster: LocalCluster;
    readonly network: HostNetwork;
    readonly hosts: readonly SickHost[];
    readonly scale: TimersScale;
  }) {
    this.#guard = options.guard;
    this.cluster = options.cluster;
    this.dataDir = options.cluster.dataDir;
    this.network = options.network;
    this.hosts = options.hosts;
    this.timers = timersOf(options.scale);
    this.stage = Stage.around(this.cluster);
    this.witness = new LifeWitness(join(this.dataDir, 'lives'));
  }

  /** Nothing runs yet. Whoever has it must `close()` it. */
  static async open(sicknesses: readonly Sickness[], options: SickWorldOptions): Promise<SickWorld> {
    const { dataDir, scale, guard } = options;
    guard.defer({ kind: 'remove', path: join(dataDir, 'behind') });
    for (const folder of ['behind', 'logs']) mkdirSync(join(dataDir, folder), { recursive: true });
    const names = sicknesses.map((_, index) => `s${index + 1}`);
    const network = await HostNetwork.open([STANDBY, ...names]);
    const [apiPort, agentPort] = [await freePort(), await freePort()];
    const endpoint = `${CONTROLLER_ADDRESS}:${agentPort}`;
    const group = new ResourceGroup('unified', STANDBY, guard);
    const enter = (server: string): readonly string[] => [...network.enter(server), ...joinGroups([group])];
    const timers = { timers: scale, network: { host: CONTROLLER_ADDRESS, endpoint, enter } };
    const cluster = new LocalCluster({ dataDir, apiPort, agentPort, ...timers });
    const hosts = sicknesses.map((sickness, index) => {
      const name = names[index] ?? '';
      return new SickHost({ name, sickness, dataDir, endpoint, enter: network.enter(name), guard });
    });
    return new SickWorld({ guard, cluster, network, hosts, scale });
  }

  async start(): Promise<void> {
    for (const host of this.hosts) await host.prepare();
    // After the mounts, and so before they are taken away.
    this.#guard.defer({ kind: 'kill-cluster', folder: this.dataDir });
    await this.cluster.startController();
    await this.cluster.startAgent(STANDBY, ['--max-slots', String(STANDBY_SLOTS)]);
    const server = { name: `servers/${STANDBY}`, maxSlots: STANDBY_SLOTS };
    await this.stage.servers.updateServer({ server, updateMask: { paths: ['max_slots'] } });
    const waiting = [...this.hosts];
    const startNext = async (): Promise<void> => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
        const { name } = host;
        host.start();
        await waitFor(`${name} is available`, START_LIMIT_MS, async () => (await this.#find(name))?.available === true);
      }
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, startNext));
  }

  async #find(name: string): Promise<Server | undefined> {
    return this.stage.server(name).catch(() => undefined);
  }

  /** By name; undefined while no controller answers. */
  async servers(): Promise<ReadonlyMap<string, Server> | undefined> {
    return this.stage.servers.listServers({ pageSize: PAGE }).then(
      ({ servers }) => new Map(servers.map((server) => [server.name.slice('servers/'.length), server])),
      () => undefined,
    );
  }

  /** By policy, the newest of each; undefined while no controller answers. */
  async runs(): Promise<ReadonlyMap<string, Run> | undefined> {
    return this.stage.runs.listRuns({ pageSize: PAGE }).then(
      ({ runs }) => new Map(runs.toReversed().map((run) => [run.policy.slice('policies/'.length), run])),
      () => undefined,
    );
  }

  lifeOf(run: Run): Life | undefined {
    const epoch = run.attempts.at(-1)?.epoch;
    return this.witness.lives(run.name.slice('runs/'.length)).find((life) => life.epoch === epoch);
  }

  /** Many hosts at once look like a failure of the network; the operator says that it is none. */
  async proceed(): Promise<void> {
    await createClient(ClusterService, this.cluster.transport)
      .proceedTakeovers({ pool: 'pools/default' })
      .catch(() => undefined);
  }

  /** Ends what runs. Answers with what did not end by itself. */
  async stop(): Promise<readonly string[]> {
    this.lag.stop();
    const ended = await Promise.all(
      this.hosts.map(async (host) => ((await host.stop()) ? '' : `agent of ${host.name}`)),
    );
    for (const host of this.hosts) host.close();
    const killed = await this.cluster.stop();
    this.network.close();
    return [...ended.filter((one) => one !== ''), ...killed.map(({ command }) => command)];
  }
}

export interface SickWorldOptions {
  readonly dataDir: string;
  readonly scale: TimersScale;
  readonly guard: UndoGuard;
}
