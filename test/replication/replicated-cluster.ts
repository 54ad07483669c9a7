/** Three members of etcd, three controllers and some agents, each a process of its own, which can be killed, hung and restarted. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Client } from '@connectrpc/connect';
import { createClient } from '@connectrpc/connect';
import { keeperProcess } from '../../agent/keeper-link/kill-trees.ts';
import { CLUSTER_MARK, clearProcesses, killProcess, processesOf } from '../../cli/dev/host-processes.ts';
import { ManagedProcess } from '../../cli/dev/managed-process.ts';
import { freePort } from '../../cli/dev/ports.ts';
import type { ClosableTransport } from '../../sdk/typescript/repeated-calls.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import { LOCAL_TOKEN_FILE } from '../../shared/access/local-files.ts';
import { present } from '../../shared/assert.ts';
import { ClusterService, ControllerRole } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { EtcdCluster, type EtcdHost } from '../store/etcd-cluster.ts';
import { Links } from './links.ts';
import { QuietWitness } from './quiet-witness.ts';
import { untilAnswered } from './until-answered.ts';

/** The shortest that keep every inequality with a TTL of 2 s: three seconds to find the next leader, and some more. */
export const TIMERS_MS = { heartbeat: 1_000, suspect: 4_000, lease: 9_000, stop: 2_000, guard: 1_000, missing: 15_000 };
export const TTL_MS = 2_000;

export interface Api {
  readonly transport: ClosableTransport;
  readonly cluster: Client<typeof ClusterService>;
  readonly servers: Client<typeof ServerService>;
  readonly policies: Client<typeof PolicyService>;
  readonly runs: Client<typeof RunService>;
}

interface Place {
  readonly id: string;
  readonly apiPort: number;
  readonly agentPort: number;
}

export interface ReplicatedOptions {
  /** Default TIMERS_MS. */
  readonly timersMs?: typeof TIMERS_MS;
  /** More arguments for each member of etcd. */
  readonly etcdArgs?: readonly string[];
  /** Where each member of etcd runs. Default: on loopback. */
  readonly etcdHosts?: readonly EtcdHost[];
  /** Starts only the first controller, with a SQLite file of its own (`soloStore`). */
  readonly solo?: true;
  /** Each controller appends its audit to a file of its own (`auditFileOf`). */
  readonly auditFiles?: true;
  /** Controllers reach each other through links that can be cut. A dead one then does not refuse connections, so the TTL decides. */
  readonly peerLinks?: boolean;
  /** Controllers ask who calls; then `api` goes through the first one, as the administrator of its host. */
  readonly closed?: true;
  /** More lines of each controller's configuration. */
  readonly config?: string;
}

/** Long enough for any change of leaders. */
export const ALL_REPLICAS_TIMEOUT_MS = 20_000;
const PATIENCE_MS = 60_000;

export class ReplicatedCluster {
  readonly etcd: EtcdCluster;
  readonly links = new Links();
  readonly folder: string;
  readonly witness: QuietWitness;
  /** Through all controllers, as a careful client does. */
  readonly api: Api;
  readonly #places: readonly Place[];
  readonly #isClosed: boolean;
  readonly #controllers = new Map<string, ManagedProcess>();
  readonly #agents = new Map<string, ManagedProcess>();
  readonly #apis: Api[] = [];
  readonly #apiOf = new Map<string, Api>();

  private constructor(etcd: EtcdCluster, folder: string, places: readonly Place[], options: ReplicatedOptions) {
    const { timersMs = TIMERS_MS, auditFiles, closed, config = '' } = options;
    this.etcd = etcd;
    this.folder = folder;
    this.#places = places;
    this.#isClosed = closed === true;
    this.witness = new QuietWitness(join(folder, 'witness'));
    mkdirSync(join(folder, 'logs'), { recursive: true });
    for (const { id } of places) {
      const audit = auditFiles === undefined ? '' : `audit: { file: ${this.auditFileOf(id)} }\n`;
      writeFileSync(this.#configOf(id), configText(timersMs) + audit + config);
    }
    this.api = this.apiVia(places.map(({ id }) => id));
  }

  static async start(controllers: readonly string[], options: ReplicatedOptions = {}): Promise<ReplicatedCluster> {
    const { etcdArgs = [], etcdHosts = [], solo, peerLinks = false } = options;
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'locum-replicated-')));
    const etcd = await EtcdCluster.start({ args: etcdArgs, hosts: etcdHosts });
    const places: Place[] = [];
    for (const id of controllers) places.push({ id, apiPort: await freePort(), agentPort: await freePort() });
    const cluster = new ReplicatedCluster(etcd, folder, places, options);
    try {
      for (const { id, agentPort, apiPort } of places) {
        await cluster.links.open(id, { etcd: etcd.endpoints, agentPort, ...(peerLinks ? { apiPort } : {}) });
        if (solo === undefined) cluster.startController(id);
      }
      if (solo !== undefined) cluster.startController(present(controllers[0], 'a controller'), cluster.soloStore);
      await cluster.allControllers();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Waits until every controller is there, and answers itself: what died shows in the list until its lease has ended. */
  async allControllers(): Promise<void> {
    await this.until('all controllers join', async () => {
      const { controllers } = await this.api.cluster.listControllers({}, { timeoutMs: 2_000 });
      const running = this.controllers.filter((id) => this.has(id));
      const answers = running.map((id) => this.apiOf(id).cluster.getStatus({}, { timeoutMs: 2_000 }));
      await Promise.all(answers);
      return controllers.length === running.length ? true : undefined;
    });
  }

  get controllers(): readonly string[] {
    return this.#places.map(({ id }) => id);
  }

  get servers(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Through one controller alone. */
  apiOf(id: string): Api {
    const known = this.#apiOf.get(id) ?? this.apiVia([id]);
    this.#apiOf.set(id, known);
    return known;
  }

  /** Connections of their own, through these controllers in this order. */
  apiVia(ids: readonly string[]): Api {
    if (!this.#isClosed) return this.#open(ids.map((id) => this.addressOf(id)));
    const [first = ''] = ids;
    return this.#open([this.addressOf(first)], () => this.localToken(first));
  }

  /** Of the administrator of a controller's host. */
  localToken(id: string): string {
    return readFileSync(join(this.folder, id, LOCAL_TOKEN_FILE), 'utf8').trim();
  }

  addressOf(id: string): string {
    return `127.0.0.1:${this.#place(id).apiPort}`;
  }

  /** Of a controller that has no others beside it. */
  get soloStore(): string {
    return `sqlite:${join(this.folder, 'store.sqlite')}`;
  }

  startController(
    id: string,
    store = `etcd://${this.links.etcdOf(id).join(',')}/locum`,
    ...more: readonly string[]
  ): void {
    const { apiPort, agentPort } = this.#place(id);
    const words = ['controller', '--config', this.#configOf(id), '--store', store, '--id', id];
    words.push('--data-dir', join(this.folder, id), ...(this.#isClosed ? [] : ['--open']));
    const listen = ['--api-listen', `127.0.0.1:${apiPort}`, '--agent-listen', `127.0.0.1:${agentPort}`];
    const peer = this.links.peerAddressOf(id);
    const advertise = [
      '--agent-advertise',
      this.links.agentAddressOf(id),
      ...(peer === undefined ? [] : ['--api-advertise', peer]),
    ];
    this.#controllers.set(id, this.#spawn(id, [...words, ...listen, ...advertise, ...more]));
  }

  startAgent(server: string, pool = 'default'): void {
    const endpoints = this.controllers.map((id) => this.links.agentAddressOf(id)).join(',');
    const own = ['--server', server, '--pool', pool, '--state-dir', join(this.folder, server)];
    const words = ['agent', '--controllers', endpoints, ...own, '--machine-id', `m-${server}`];
    this.#agents.set(server, this.#spawn(server, words));
  }

  /** Whether this controller runs. */
  has(id: string): boolean {
    return this.#controllers.get(id)?.isRunning ?? false;
  }

  controller(id: string): ManagedProcess {
    return present(this.#controllers.get(id), `controller ${id}`);
  }

  /** As when the power fails. */
  async killServer(server: string): Promise<void> {
    const keeper = keeperProcess(join(this.folder, server))?.pid;
    this.#agents.get(server)?.signal('SIGKILL');
    this.#agents.delete(server);
    if (keeper !== undefined) killProcess(keeper);
    await clearProcesses(join(this.folder, server), { waitMs: 0 });
  }

  /** Who leads, with its term. */
  leader(): Promise<{ readonly id: string; readonly term: number }> {
    return this.until('somebody leads', async () => {
      const { controllers } = await this.api.cluster.listControllers({}, { timeoutMs: 2_000 });
      const found = controllers.find(({ role }) => role === ControllerRole.LEADER);
      return found === undefined
        ? undefined
        : { id: found.name.slice('controllers/'.length), term: Number(found.term) };
    });
  }

  /** Waits until every agent has a session with the leader, begun or confirmed by a heartbeat after `sinceWallMs`. */
  async allGranted(sinceWallMs = 0, api = this.api): Promise<number> {
    await this.until('all agents are granted', async () => {
      const { servers } = await api.servers.listServers({}, { timeoutMs: 2_000 });
      const here = servers.filter(({ connected, lastHeartbeatTime }) => {
        return connected && lastHeartbeatTime !== undefined && timestampMs(lastHeartbeatTime) >= sinceWallMs;
      });
      return here.length === this.servers.length ? true : undefined;
    });
    return Date.now();
  }

  /** Asks until there is an answer; refusals and broken connections are no answer yet. */
  until<T>(what: string, look: () => Promise<T | undefined>, patienceMs = PATIENCE_MS): Promise<T> {
    return untilAnswered(what, look, { patienceMs, everyMs: 20 });
  }

  async stop(): Promise<void> {
    for (const process of [...this.#controllers.values(), ...this.#agents.values()]) process.signal('SIGCONT');
    for (const { transport } of this.#apis) transport.close();
    for (const agent of this.#agents.values()) agent.signal('SIGKILL');
    for (const { pid } of processesOf(this.folder)) killProcess(pid);
    await clearProcesses(this.folder, { waitMs: 0 });
    await this.links.close();
    await this.etcd.stop();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }

  auditFileOf(id: string): string {
    return join(this.folder, `audit-${id}.jsonl`);
  }

  #configOf(id: string): string {
    return join(this.folder, `${id}.yaml`);
  }

  #place(id: string): Place {
    return present(
      this.#places.find((place) => place.id === id),
      `the place of ${id}`,
    );
  }

  #open(addresses: readonly string[], token?: () => string): Api {
    const caller = token === undefined ? {} : { token };
    const transport = openTransport({ addresses, timeoutMs: 10_000, ...caller });
    const api = {
      transport,
      cluster: createClient(ClusterService, transport),
      servers: createClient(ServerService, transport),
      policies: createClient(PolicyService, transport),
      runs: createClient(RunService, transport),
    };
    this.#apis.push(api);
    return api;
  }

  #spawn(name: string, words: readonly string[]): ManagedProcess {
    return new ManagedProcess({
      name,
      argv: [process.execPath, join(import.meta.dirname, '../../bin/locum.js'), ...words],
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
        [CLUSTER_MARK]: this.folder,
      },
      logFile: join(this.folder, 'logs', `${name}.log`),
    });
  }
}

function configText({ heartbeat, suspect, lease, stop, guard, missing }: typeof TIMERS_MS): string {
  const seconds = (ms: number): string => `${ms / 1_000}s`;
  return [
    `election_ttl: ${seconds(TTL_MS)}`,
    'initial_timers:',
    `  heartbeat_interval: ${seconds(heartbeat)}`,
    `  suspect_after: ${seconds(suspect)}`,
    `  lease: ${seconds(lease)}`,
    `  stop_timeout: ${seconds(stop)}`,
    `  kill_guard: ${seconds(guard)}`,
    `  missing_after: ${seconds(missing)}`,
    '',
  ].join('\n');
}
