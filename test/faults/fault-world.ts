/** Three hosts, a controller and the network between them, what the faults do to them, and what is checked of them. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { killProcess } from '../../cli/dev/host-processes.ts';
import { LocalCluster } from '../../cli/dev/local-cluster.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { SHORT, scaledTimers, TIMER_PATHS, type TimersScale } from '../../cli/dev/scaled-timers.ts';
import { isThere } from '../../cli/dev/server-presence.ts';
import { Stage } from '../../demo/stage.ts';
import { present } from '../../shared/assert.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { type Attempt, RunState, RunStateSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import { stateKeyOf } from '../../shared/keeper/state-key.ts';
import { fromDuration, fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { FaultReport } from './fault-report.ts';
import { CONTROLLER_ADDRESS, HostNetwork } from './host-network.ts';
import { type Life, LifeWitness, TICK_MS, uptimeMs } from './life-witness.ts';
import { MachineLag } from './machine-lag.ts';
import { WAITED } from './takeover-proof.ts';
import { TcpProxy } from './tcp-proxy.ts';

export const SERVERS = ['a', 'b', 'c'] as const;
const DRIFT = 1.25;
/** After the takeover wait, and what the machine was late. */
const TAKEOVER_LIMIT_MS = 2_500;
const POLL_MS = 25;
/** An idle agent waits up to 30 s before it dials again (A10). */
const PATIENCE_MS = 45_000;
/** The way of a heartbeat and its grant, with the check in the store between. */
const GRANT_MS = 150;

/** Where the run of a policy is. */
export interface Home {
  readonly policy: string;
  readonly run: string;
  readonly server: string;
  readonly epoch: bigint;
  readonly pid: number;
}

export const timersOf = (scale: TimersScale) => {
  const { heartbeatInterval, lease, stopTimeout, killGuard, missingAfter } = scaledTimers(scale);
  const [heartbeatMs, leaseMs] = [fromDuration(heartbeatInterval), fromDuration(lease)];
  const [stopMs, guardMs, missingMs] = [fromDuration(stopTimeout), fromDuration(killGuard), fromDuration(missingAfter)];
  return {
    leaseMs,
    missingMs,
    /** From the last grant to the last process. */
    deadMs: leaseMs + stopMs + guardMs,
    waitMs: Math.max(missingMs, DRIFT * (leaseMs + stopMs + guardMs)),
    /** An outage that no lease ends in. */
    toleratedMs: leaseMs - 1.1 * heartbeatMs - GRANT_MS,
  };
};

export class FaultWorld {
  readonly stage: Stage;
  readonly cluster: LocalCluster;
  readonly network: HostNetwork;
  readonly proxy: TcpProxy;
  readonly witness: LifeWitness;
  readonly report = new FaultReport();
  readonly lag = new MachineLag();
  readonly #paused = new Set<number>();
  #timers = timersOf(SHORT);

  private constructor(cluster: LocalCluster, network: HostNetwork, proxy: TcpProxy) {
    this.cluster = cluster;
    this.network = network;
    this.proxy = proxy;
    this.stage = Stage.around(cluster);
    this.witness = new LifeWitness(join(cluster.dataDir, 'lives'));
  }

  static async open(dataDir: string): Promise<FaultWorld> {
    const network = await HostNetwork.open(SERVERS);
    const [apiPort, agentPort] = [await freePort(), await freePort()];
    const target = { host: CONTROLLER_ADDRESS, port: agentPort };
    const proxy = await TcpProxy.listen({ host: CONTROLLER_ADDRESS, port: 0, target });
    const cluster = new LocalCluster({
      dataDir,
      apiPort,
      agentPort,
      timers: SHORT,
      network: {
        host: CONTROLLER_ADDRESS,
        endpoint: `${CONTROLLER_ADDRESS}:${proxy.port}`,
        enter: (server) => network.enter(server),
      },
    });
    return new FaultWorld(cluster, network, proxy);
  }

  async start(): Promise<void> {
    await this.cluster.startController();
    for (const server of SERVERS) await this.startAgent(server);
  }

  /** As they are for attempts that start now. */
  get timers(): ReturnType<typeof timersOf> {
    return this.#timers;
  }

  async setTimers(scale: TimersScale): Promise<void> {
    this.#timers = timersOf(scale);
    const pool = { name: 'pools/default', timers: scaledTimers(scale) };
    await this.stage.pools.updatePool({ pool, updateMask: { paths: TIMER_PATHS } });
  }

  async startAgent(server: string): Promise<void> {
    await this.cluster.startAgent(server, ['--max-slots', '50']);
  }

  addressOf(server: string): string {
    return this.network.addressOf(server);
  }

  agentPid(server: string): number {
    return present(this.cluster.agent(server)?.pid, 'the agent was started');
  }

  keeperPid(server: string): number {
    return present(this.cluster.keeperPid(server), 'its keeper lives');
  }

  pause(pid: number): void {
    this.#paused.add(pid);
    killProcess(pid, 'SIGSTOP');
  }

  resume(pid: number): void {
    this.#paused.delete(pid);
    killProcess(pid, 'SIGCONT');
  }

  /** Asks until there is an answer; for what needs no controller too. */
  async until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`did not happen within ${PATIENCE_MS / 1_000} s: ${what}`);
      await sleep(POLL_MS);
    }
  }

  /** All hosts are there, and no fault is left. */
  async calm(): Promise<void> {
    for (const id of SERVERS) await this.there(id);
  }

  /** An idle agent takes its time to come back, so that is not asked of all of them where time counts. */
  async there(id: string): Promise<void> {
    await this.until(`${id} is there`, async () => {
      const server = await this.stage.server(id);
      return server !== undefined && isThere(server) ? true : undefined;
    });
  }

  /** Once the run of a policy runs and has said so itself. `above`: with a higher epoch. */
  async home(policy = 'steady', above = 0n): Promise<Home> {
    return this.until(`${policy} runs with an epoch above ${above}`, async () => {
      const run = (await this.stage.runsOf(policy))[0];
      const attempt = run?.attempts.at(-1);
      // Each host fails within a minute here, which looks like a mass failure; the operator says that it is none.
      if (run?.reason === 'STORM') await this.#proceed();
      if (run?.state !== RunState.RUNNING || attempt === undefined || attempt.epoch <= above) return undefined;
      const id = run.name.slice('runs/'.length);
      if (this.lifeOf({ run: id, epoch: attempt.epoch }) === undefined) return undefined;
      const server = attempt.server.slice('servers/'.length);
      return { policy, run: id, server, epoch: attempt.epoch, pid: attempt.pid };
    });
  }

  lifeOf({ run, epoch }: Pick<Home, 'run' | 'epoch'>): Life | undefined {
    return this.witness.lives(run).find((life) => life.epoch === epoch);
  }

  /** The same process of the same attempt lives on past a time, and the controller says so too. */
  async livesOn(before: Home, pastMs: number): Promise<void> {
    const life = await this.until(`${before.run} lives on or not`, () => {
      const found = this.lifeOf(before);
      const isOver =
        found === undefined || found.saidStop || this.witness.lives(before.run).at(-1)?.epoch !== before.epoch;
      return isOver || found.lastSignMs > pastMs || uptimeMs() > pastMs + 2_000 ? found : undefined;
    });
    this.report.check(`${before.policy} lives on`, !life.saidStop && life.lastSignMs > pastMs);
    const after = await this.home(before.policy);
    const same = after.epoch === before.epoch && after.pid === before.pid && after.server === before.server;
    this.report.check(
      `${before.policy}: same server, attempt and process`,
      same,
      `${show(before)}, then ${show(after)}`,
    );
  }

  /** Runs elsewhere after the takeover wait: not before it, and soon after it, by the controller's and the witness's word. */
  async takenOver(before: Home): Promise<Home> {
    const after = await this.home(before.policy, before.epoch);
    const old = present(await this.#attempt(before), 'a run keeps its newest attempts');
    const [, waited, , wait] = WAITED.exec(old.end?.detail ?? '') ?? [];
    const life = present(this.lifeOf(after), 'it was seen');
    this.report.check('taken over by another server', after.server !== before.server, show(after));
    this.report.check('the proof is the waiting time', waited !== undefined, old.end?.detail ?? '');
    if (waited === undefined || old.endTime === undefined) return after;
    const { waitMs } = this.timers;
    this.report.check('the wait is the documented one', Number(wait) === waitMs, `${wait} ms`);
    this.report.check('never before the takeover wait, says the controller', Number(waited) >= waitMs, `${waited} ms`);
    const lastGrantWallMs = fromTimestamp(old.endTime) - Number(waited);
    const startedMs = life.startMs + (Date.now() - uptimeMs()) - lastGrantWallMs;
    const { worstMs } = this.lag;
    this.report.check(
      'never before the takeover wait, says the witness',
      startedMs >= waitMs - 2 * TICK_MS,
      `${startedMs}`,
    );
    const limitMs = waitMs + TAKEOVER_LIMIT_MS + worstMs;
    this.report.check(`within ${limitMs.toFixed(0)} ms of the last grant`, startedMs <= limitMs, `${startedMs} ms`);
    this.report.takeoversMs.push(Math.max(0, startedMs - waitMs));
    return after;
  }

  async #proceed(): Promise<void> {
    await createClient(ClusterService, this.cluster.transport).proceedTakeovers({ pool: 'pools/default' });
  }

  async #attempt({ run, epoch }: Home): Promise<Attempt | undefined> {
    const { run: found } = await this.stage.runs.getRun({ name: `runs/${run}` });
    return found?.attempts.find((attempt) => attempt.epoch === epoch);
  }

  /** Deletes a policy; done once its last attempt is proven ended. */
  async remove(policy: string): Promise<void> {
    await this.stage.policies.deletePolicy({ name: `policies/${policy}` });
    await this.until(`${policy} is gone`, async () =>
      (await this.stage.runsOf(policy)).length === 0 ? true : undefined,
    );
  }

  /** Lets everything go on that was stopped or cut. */
  heal(): void {
    for (const pid of this.#paused) this.resume(pid);
    for (const server of SERVERS) {
      this.network.heal(server);
      this.proxy.heal(this.addressOf(server));
    }
  }

  /** Nothing is left of it but the data folder. */
  async close(): Promise<void> {
    this.lag.stop();
    this.heal();
    const killed = await this.cluster.stop();
    const names = killed.map(({ command }) => command).join('; ');
    this.report.check('every process ends by itself', killed.length === 0, names);
    for (const server of SERVERS) await removeCgroups(this.cluster.stateDir(server));
    await this.proxy.close();
    this.network.close();
  }
}

export const stateWord = (state: RunState): string => RunStateSchema.value[state]?.localName ?? String(state);

export const show = ({ run, server, epoch, pid }: Home): string => `${run} epoch ${epoch} pid ${pid} on ${server}`;

/** Keepers leave their empty cgroup to the next keeper of the folder; here is none. */
async function removeCgroups(stateDir: string): Promise<void> {
  const mount = / (\/\S+) \S+ .*- cgroup2 /.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || own === undefined || !existsSync(stateDir)) return;
  const folder = join(mount, own, `locum-${await stateKeyOf(stateDir)}`);
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) rmdirSync(join(folder, entry.name));
  }
  rmdirSync(folder);
}
