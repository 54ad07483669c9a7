/**
 * A controller and agents on this machine, each a process of its own with its own folder: for `locum dev`, the demo and the
 * end-to-end tests. Whoever makes one must `stop()` it.
 */
import { mkdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { keeperProcess } from '../../agent/keeper-link/kill-trees.ts';
import type { ClosableTransport } from '../../sdk/typescript/repeated-calls.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { CommandFailure } from '../exit-codes.ts';
import { CLUSTER_MARK, clearProcesses, type HostProcess, killProcess, processesOf } from './host-processes.ts';
import { ManagedProcess } from './managed-process.ts';
import { scaledTimers, TIMER_PATHS, type TimersScale } from './scaled-timers.ts';
import { isThere } from './server-presence.ts';

export interface LocalClusterOptions {
  /** Made when it is not there. */
  readonly dataDir: string;
  readonly apiPort: number;
  readonly agentPort: number;
  /** Default: the default timers. */
  readonly timers?: TimersScale;
  readonly show?: ((line: string, name: string) => void) | undefined;
  /** Default: everything on loopback. */
  readonly network?: AgentNetwork;
  /** Several controllers on a store that they share. Default: one, with a file of its own. */
  readonly replicas?: { readonly count: number; readonly store: string };
  /** The `bin/locum.js` that a controller or an agent runs, by its name, asked at each start. Default: the one of this code. */
  readonly program?: (name: string) => string | undefined;
  /** What a controller is started with besides. Default: `--open`, so that whoever reaches it may do everything. */
  readonly controllerFlags?: () => readonly string[];
}

/** Ports of a further controller are this much above those of the one before. */
export const REPLICA_PORT_STEP = 10;

/** Servers as hosts of their own on a network that nobody else can reach: what they say to the controller is not encrypted. */
export interface AgentNetwork {
  /** Address where the controller listens for agents. */
  readonly host: string;
  /** `host:port` that agents dial; something in between may listen there. */
  readonly endpoint: string;
  /** Program and arguments that start what follows them on the host of a server. */
  readonly enter: (server: string) => readonly string[];
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

export class LocalCluster {
  readonly dataDir: string;
  readonly address: string;
  readonly transport: ClosableTransport;
  readonly #options: LocalClusterOptions;
  readonly #agents = new Map<string, ManagedProcess>();
  readonly #commands = new Map<string, readonly string[]>();
  #controllers: readonly ManagedProcess[] = [];
  #timersAreSet = false;

  constructor(options: LocalClusterOptions) {
    mkdirSync(join(options.dataDir, 'logs'), { recursive: true });
    this.#options = options;
    this.dataDir = realpathSync(options.dataDir);
    this.address = `127.0.0.1:${options.apiPort}`;
    const addresses = this.#replicaPorts(options.apiPort).map((port) => `127.0.0.1:${port}`);
    this.transport = openTransport({ addresses, timeoutMs: 10_000 });
  }

  get agentPort(): number {
    return this.#options.agentPort;
  }

  get controller(): ManagedProcess | undefined {
    return this.#controllers[0];
  }

  get controllers(): readonly ManagedProcess[] {
    return this.#controllers;
  }

  get servers(): readonly string[] {
    return [...this.#agents.keys()];
  }

  agent(server: string): ManagedProcess | undefined {
    return this.#agents.get(server);
  }

  /** State folder of a server's agent and keeper. */
  stateDir(server: string): string {
    return join(this.dataDir, server);
  }

  /** Process id of a server's keeper. Undefined: none lives. */
  keeperPid(server: string): number | undefined {
    return keeperProcess(this.stateDir(server))?.pid;
  }

  /** Starts the controller, or all replicas, and waits for an answer. */
  async startController(): Promise<void> {
    const { replicas } = this.#options;
    const count = replicas?.count ?? 1;
    this.#controllers = Array.from({ length: count }, (_, index) => this.#spawnController(index));
    const cluster = createClient(ClusterService, this.transport);
    for (const controller of this.#controllers) {
      await this.#until(controller, `${controller.name} to answer`, async () => {
        await cluster.getStatus({}, { timeoutMs: 500 });
        return true;
      });
    }
    await this.#setTimers();
  }

  #replicaPorts(first: number): readonly number[] {
    const count = this.#options.replicas?.count ?? 1;
    return Array.from({ length: count }, (_, index) => first + index * REPLICA_PORT_STEP);
  }

  #spawnController(index: number): ManagedProcess {
    const { apiPort, agentPort, network, replicas, controllerFlags = () => ['--open'] } = this.#options;
    const name = replicas === undefined ? 'controller' : `controller-${index + 1}`;
    const step = index * REPLICA_PORT_STEP;
    const words = ['controller', ...controllerFlags(), '--data-dir', join(this.dataDir, name)];
    words.push('--api-listen', `127.0.0.1:${apiPort + step}`);
    words.push('--agent-listen', `${network?.host ?? '127.0.0.1'}:${agentPort + step}`);
    if (network !== undefined) words.push('--insecure', '--agent-advertise', network.endpoint);
    if (replicas !== undefined) words.push('--store', replicas.store, '--id', name);
    return this.#spawn(name, words);
  }

  /** Starts an agent and waits for nothing. */
  spawnAgent(server: string, args: readonly string[] = []): ManagedProcess {
    const { agentPort, network } = this.#options;
    const listeners = this.#replicaPorts(agentPort).map((port) => `127.0.0.1:${port}`);
    const endpoint = network?.endpoint ?? listeners.join(',');
    // Several agents of one machine that stand for several hosts.
    const own = ['--server', server, '--state-dir', this.stateDir(server), '--machine-id', `dev-${server}`];
    const words = ['agent', '--controllers', endpoint, ...own, ...args];
    const agent = this.#spawn(server, words, network?.enter(server));
    this.#agents.set(server, agent);
    return agent;
  }

  /** Waits until the server is there. */
  async startAgent(server: string, args: readonly string[] = []): Promise<void> {
    const startWallMs = Date.now();
    const agent = this.spawnAgent(server, args);
    const servers = createClient(ServerService, this.transport);
    await this.#until(agent, `${server} to register`, async () => {
      const { server: found } = await servers.getServer({ name: `servers/${server}` }, { timeoutMs: 1_000 });
      // A stream of its predecessor may not be seen as closed yet.
      const heardMs = found?.lastHeartbeatTime === undefined ? 0 : timestampMs(found.lastHeartbeatTime);
      return found !== undefined && isThere(found) && heardMs >= startWallMs;
    });
  }

  async stopController(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await Promise.all(
      this.#controllers.map(async (controller) => {
        if (signal === 'SIGTERM') await controller.stop({ timeoutMs: STOP_TIMEOUT_MS });
        else controller.signal(signal);
        await controller.exited;
      }),
    );
  }

  async stopAgent(server: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const agent = this.#agents.get(server);
    if (signal === 'SIGTERM') await agent?.stop({ timeoutMs: STOP_TIMEOUT_MS });
    else agent?.signal(signal);
    await agent?.exited;
  }

  /** As when the power fails: agent, keeper and every policy of the host, all with SIGKILL. Returns the wall time of it. */
  async killHost(server: string): Promise<number> {
    const keeper = this.keeperPid(server);
    const policies = processesOf(this.stateDir(server));
    const atWallMs = Date.now();
    this.agent(server)?.signal('SIGKILL');
    if (keeper !== undefined) killProcess(keeper);
    for (const { pid } of policies) killProcess(pid);
    await this.agent(server)?.exited;
    // What forked while the list was read.
    await clearProcesses(this.stateDir(server), { waitMs: 0 });
    return atWallMs;
  }

  /** Ends everything, policies too. Returns what had to be killed because it did not end by itself: empty when all was well. */
  async stop(store: readonly ManagedProcess[] = []): Promise<HostProcess[]> {
    // Before the keepers: an agent alone would start a new one, and a controller would have the runs started elsewhere.
    const agents = this.servers.map((server) => this.stopAgent(server, 'SIGTERM'));
    await Promise.all([this.stopController('SIGTERM'), ...agents]);
    // Without an agent a keeper takes SIGTERM as the host's shutdown: it stops what it holds, and ends.
    const keepers = new Set(this.servers.map((server) => this.keeperPid(server)));
    for (const { pid } of processesOf(this.dataDir)) if (keepers.has(pid)) killProcess(pid, 'SIGTERM');
    this.transport.close();
    // Last: nobody needs it any more.
    await Promise.all(store.map((member) => member.stop({ timeoutMs: STOP_TIMEOUT_MS })));
    return clearProcesses(this.dataDir, { waitMs: STOP_TIMEOUT_MS });
  }

  /** Ends everything with SIGKILL, in no order. */
  async kill(): Promise<void> {
    for (const controller of this.#controllers) controller.signal('SIGKILL');
    for (const agent of this.#agents.values()) agent.signal('SIGKILL');
    await clearProcesses(this.dataDir, { waitMs: 0 });
  }

  /** The command line of a controller or agent, for people who want to start it again. */
  commandOf(name: string): string {
    return (this.#commands.get(name) ?? []).join(' ');
  }

  /** Once: the store keeps them. */
  async #setTimers(): Promise<void> {
    const { timers: scale } = this.#options;
    if (scale === undefined || this.#timersAreSet) return;
    this.#timersAreSet = true;
    await createClient(PoolService, this.transport).updatePool({
      pool: { name: 'pools/default', timers: scaledTimers(scale) },
      updateMask: { paths: TIMER_PATHS },
    });
  }

  #spawn(name: string, words: readonly string[], enter: readonly string[] = []): ManagedProcess {
    // cli/dev/local-cluster.ts, or dist/cli/dev/local-cluster.js once compiled.
    const root = import.meta.filename.endsWith('.ts') ? '../..' : '../../..';
    const program = this.#options.program?.(name) ?? join(import.meta.dirname, root, 'bin/locum.js');
    const argv = [...enter, process.execPath, program, ...words];
    this.#commands.set(name, argv);
    return new ManagedProcess({
      name,
      argv,
      // Policies that need Node find the one that runs us, also where the machine has an older one.
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
        [CLUSTER_MARK]: this.dataDir,
      },
      logFile: join(this.dataDir, 'logs', `${name}.log`),
      show: this.#options.show,
    });
  }

  /** Asks again and again; the answer "not yet" may also be an error. @throws CommandFailure when the process ends or time is up. */
  async #until(child: ManagedProcess, goal: string, reached: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if (!child.isRunning) {
        const { code, signal } = await child.exited;
        const how = signal ?? `exit code ${code}`;
        throw new CommandFailure(
          `${child.name} ended while we waited for ${goal} (${how}):\n${child.lastLines.join('\n')}`,
        );
      }
      if (await reached().catch(() => false)) return;
      await sleep(POLL_MS);
    }
    throw new CommandFailure(`waited ${READY_TIMEOUT_MS / 1000} s for ${goal}; its log: ${child.logFile}`);
  }
}
