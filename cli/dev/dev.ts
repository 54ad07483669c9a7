/** `locum dev`: a cluster to try things on, in one command; nothing of it is left when it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { followEvents } from '../../sdk/typescript/follow-events.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { CommandFailure } from '../exit-codes.ts';
import { printLine, tell } from '../output/print.ts';
import { STREAM_NOTICES } from '../output/stream-notices.ts';
import { styled } from '../output/style.ts';
import { clockTime } from '../output/words.ts';
import { waitForPolicy } from '../policy/wait.ts';
import { serverListView } from '../server/view.ts';
import { advice } from './advice.ts';
import { applyExamples } from './example-policies.ts';
import { importantLine } from './important-line.ts';
import { LocalCluster, REPLICA_PORT_STEP } from './local-cluster.ts';
import { type LocalEtcd, startLocalEtcd } from './local-etcd.ts';
import { checkPort } from './ports.ts';
import { SHORT } from './scaled-timers.ts';

export interface DevOptions {
  readonly agents: number;
  readonly timers: 'default' | 'short';
  readonly controllers: number;
  readonly store: 'sqlite' | 'etcd';
  readonly data?: string;
  readonly apiPort: number;
  readonly agentPort: number;
  readonly examples: boolean;
  readonly verbose?: boolean;
}

const POLICY_TIMEOUT_MS = 20_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks, the second one insists. */
function onSignals(first: () => void, second: () => void): void {
  let seen = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (seen) second();
      else first();
      seen = true;
    });
  }
}

export async function dev(options: DevOptions): Promise<void> {
  if (options.controllers > 1 && options.store !== 'etcd') {
    throw new CommandFailure('several controllers share a store: add --store etcd');
  }
  for (let i = 0; i < options.controllers; i += 1) {
    await checkPort(options.apiPort + i * REPLICA_PORT_STEP, '--api-port');
    await checkPort(options.agentPort + i * REPLICA_PORT_STEP, '--agent-port');
  }
  const dataDir = options.data === undefined ? mkdtempSync(join(tmpdir(), 'locum-dev-')) : resolve(options.data);
  const stopped = Promise.withResolvers<void>();
  const ending = new AbortController();
  const etcd = options.store === 'etcd' ? await startEtcd(dataDir) : undefined;
  const cluster = new LocalCluster({
    dataDir,
    ...(etcd === undefined ? {} : { replicas: { count: options.controllers, store: etcd.store } }),
    apiPort: options.apiPort,
    agentPort: options.agentPort,
    ...(options.timers === 'short' ? { timers: SHORT } : {}),
    show: (line, name) => {
      // While everything ends, everybody loses everybody: no news.
      const shown = options.verbose === true ? line : ending.signal.aborted ? undefined : importantLine(line);
      if (shown !== undefined) tell(`${styled('dim', `[${name}]`, process.stderr)} ${shown}`);
    },
  });
  onSignals(
    () => {
      ending.abort();
      stopped.resolve();
    },
    () => void cluster.kill(),
  );
  let failure: unknown;
  try {
    await Promise.race([bringUp(cluster, options, ending.signal), stopped.promise]);
    await stopped.promise;
  } catch (error) {
    failure = error;
    ending.abort();
  }
  tell('Stopping: controller, agents, keepers, policies …');
  const killed = await cluster.stop(etcd?.members);
  for (const { pid, command } of killed) tell(`had to kill ${pid}: ${command}`);
  if (failure !== undefined) throw failure;
  if (options.data === undefined) rmSync(dataDir, { recursive: true, force: true });
  if (killed.length > 0)
    throw new CommandFailure(`${killed.length} processes did not end by themselves; see ${dataDir}`);
  tell('Nothing is left running.');
}

async function startEtcd(dataDir: string): Promise<LocalEtcd> {
  tell('Looking for etcd; the first time it is built or installed, which takes a minute or two …');
  const etcd = await startLocalEtcd(dataDir);
  tell(`Three etcd members (${etcd.from}): ${etcd.store}`);
  return etcd;
}

async function bringUp(cluster: LocalCluster, options: DevOptions, signal: AbortSignal): Promise<void> {
  tell(
    `Starting ${options.controllers === 1 ? 'a controller' : `${options.controllers} controllers`} and ${options.agents} agents in ${cluster.dataDir} …`,
  );
  await cluster.startController();
  // One after the other: the first server to register is the primary, the others follow in order.
  for (let i = 1; i <= options.agents && !signal.aborted; i += 1) await cluster.startAgent(`server-${i}`);
  if (signal.aborted) return;
  const setting = { sharedDir: join(cluster.dataDir, 'shared'), apiAddress: cluster.address };
  const policies = options.examples ? await applyExamples(cluster.transport, setting) : [];
  await Promise.all(policies.filter((name) => name !== 'policies/nightly-backup').map((name) => settle(cluster, name)));
  const { servers } = await createClient(ServerService, cluster.transport).listServers({});
  printLine(`\n${serverListView(servers).table({ wide: false })}\n`);
  printLine(advice({ cluster, examples: options.examples, timers: options.timers }));
  void tellEnds(cluster, signal);
  void showEvents(cluster, signal).catch((error: unknown) => {
    if (!signal.aborted) tell(`events can not be shown any more: ${String(error)}`);
  });
}

/** A policy that can't run here (no `node` on the host) is shown as waiting; that is no reason to stop. */
async function settle(cluster: LocalCluster, name: string): Promise<void> {
  await waitForPolicy(cluster.transport, { timeout: POLICY_TIMEOUT_MS }, name, 'running').catch((error: unknown) => {
    tell(`${name} does not run yet: ${messageOf(error)}`);
  });
}

async function showEvents(cluster: LocalCluster, signal: AbortSignal): Promise<void> {
  const client = createClient(EventService, cluster.transport);
  for await (const { event } of followEvents({ client, signal, ...STREAM_NOTICES })) {
    if (event !== undefined) tell(`${styled('dim', clockTime(event.time), process.stderr)} ${event.message}`);
  }
}

/** Says so when a process ends that we did not end. */
async function tellEnds(cluster: LocalCluster, signal: AbortSignal): Promise<void> {
  const children = [...cluster.controllers, ...cluster.servers.map((server) => cluster.agent(server))];
  await Promise.all(
    children.map(async (child) => {
      const exit = await child?.exited;
      if (child === undefined || exit === undefined || signal.aborted) return;
      const how = exit.signal ?? `exit code ${exit.code}`;
      tell(
        `[${child.name}] ended (${how}). To start it again, in another terminal:\n  ${cluster.commandOf(child.name)}`,
      );
    }),
  );
}
