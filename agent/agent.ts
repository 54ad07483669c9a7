/** An agent, put together: core, loop, streams, keeper, capabilities, capacity, local control. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { reloadOf, reloadText } from '../shared/config/reload.ts';
import { count } from '../shared/count.ts';
import { readNow } from '../shared/host/clocks.ts';
import { CoreLoop } from '../shared/host/core-loop.ts';
import type { ServiceState } from '../shared/host/service-notifier.ts';
import { type HostProblem, tellableProblems } from '../shared/host-problem.ts';
import { poolId, serverId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { HostFacts } from '../shared/protocol/agent-message.ts';
import { SECOND } from '../shared/time.ts';
import { AgentTls } from './agent-tls.ts';
import { CapabilityWatch } from './capabilities/watch.ts';
import { CapacityMeter, readLoad } from './capacity.ts';
import type { AgentSettings } from './config.ts';
import { Connection } from './connection.ts';
import type { AgentNow } from './core/clock.ts';
import { Core } from './core/core.ts';
import { describe } from './core/describe.ts';
import type { Event } from './core/event.ts';
import { type Performed, performEffect } from './effects.ts';
import { HealthChecker } from './health/health-checker.ts';
import { hostBootId, hostMachineId, type Identity } from './identity.ts';
import { IdentityStore } from './identity-store.ts';
import { KeeperLink } from './keeper-link/keeper-link.ts';
import type { SpawnKeeperOptions } from './keeper-link/launch.ts';
import { type AgentStatusReport, type LocalControl, startLocalControl } from './local-control.ts';
import type { Telemetry } from './metrics/telemetry.ts';
import { readinessOf } from './readiness.ts';
import { claimStateDirectory, type StateDirectory } from './state-directory.ts';
import { findVmGeneration, type VmGeneration } from './vm-generation.ts';

/** Between two looks at the load. */
const LOAD_EVERY_MS = 5 * SECOND;
/** Between two looks whether a stalled disk takes the socket of the local control. */
const CONTROL_AGAIN_MS = 2 * SECOND;

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly version: string;
  readonly log: Logger;
  /** How a keeper is started. Default: `locum keeper` of this installation. */
  readonly spawnKeeper?: SpawnKeeperOptions;
}

/** What is wrong with the host, by who found it: the keeper, or this agent. */
interface ProblemsFound {
  keeper: readonly HostProblem[];
  own: readonly HostProblem[];
}

export class Agent {
  /** Resolves, with the reason, when the agent has ended by its own decision. */
  readonly ended: Promise<string>;
  readonly #options: AgentOptions;
  readonly #directory: StateDirectory;
  readonly #identity: IdentityStore;
  readonly #vmGeneration: VmGeneration | undefined;
  readonly #core: Core;
  readonly #loop: CoreLoop<Event, Performed, AgentNow>;
  readonly #connection: Connection;
  readonly #tls: AgentTls | undefined;
  readonly #keeper: KeeperLink;
  readonly #health: HealthChecker;
  readonly #capabilities: CapabilityWatch;
  readonly #end = Promise.withResolvers<string>();
  /** The generation of the virtual machine can be read. */
  #watched = false;
  #loadTimer: NodeJS.Timeout | undefined;
  #control: LocalControl | undefined;
  /** Undefined: nobody is shown metrics. */
  #telemetry: Telemetry | undefined;
  #closing = false;
  /** As they are in force. */
  #settings: AgentSettings;

  readonly #problems: ProblemsFound = { keeper: [], own: [] };

  /** Takes the state directory. @throws AgentRunningError, IdentityError */
  static async open(options: AgentOptions): Promise<Agent> {
    const { settings, log } = options;
    const vmGeneration = findVmGeneration(settings.vmGenerationFile);
    const directory = await claimStateDirectory(settings.stateDir, settings.server, log);
    return new Agent(options, directory, vmGeneration, await AgentTls.open(settings, directory.lane, log));
  }

  private constructor(
    options: AgentOptions,
    directory: StateDirectory,
    vmGeneration: VmGeneration | undefined,
    tls: AgentTls | undefined,
  ) {
    const { settings, version, log, spawnKeeper = {} } = options;
    this.#options = options;
    this.#settings = settings;
    this.#directory = directory;
    this.ended = this.#end.promise;
    this.#vmGeneration = vmGeneration;
    const { identity, isOnDisk, lane, memory } = directory;
    // What a full or stalled disk has not taken is tried until it does; until then nothing is started.
    this.#identity = new IdentityStore({
      ...{ stateDir: settings.stateDir, identity, isOnDisk, lane, memory },
      tell: (problem) => this.#tellProblems({ own: problem === undefined ? [] : [problem] }),
    });
    const host = hostFacts(options, identity);
    const core = { host, endpoints: settings.controllers, maxSlots: settings.maxSlots, seed: randomInt(2 ** 47) };
    const { uid, clusterId, highestTerm } = identity;
    this.#core = new Core({ ...core, uid, clusterId, highestTerm }, this.#readNow());
    this.#connection = new Connection((event) => this.#post(event), tls?.dial);
    this.#tls = tls;
    this.#keeper = new KeeperLink({
      ...{ stateDir: settings.stateDir, memory, lane, agentVersion: version, baseEnv: settings.baseEnv, log },
      secrets: settings.secrets,
      owner: {
        post: (event) => this.#post(event),
        takeProblems: (keeper) => this.#tellProblems({ keeper }),
        durable: () => this.#identity.durable(),
      },
      spawn: settings.externalKeeper
        ? undefined
        : { ...spawnKeeper, args: [...(spawnKeeper.args ?? []), ...outputArguments(settings)] },
    });
    this.#health = new HealthChecker({
      runInPlace: (attempt, argv, timeoutMs) => this.#keeper.check(attempt, argv, timeoutMs),
      tell: (event) => this.#post(event),
    });
    this.#capabilities = new CapabilityWatch({
      ...{ stated: settings.capabilities, probes: settings.probes, env: process.env, log },
      tell: (findings) => this.#post({ kind: 'capabilities', ...findings }),
    });
    this.#loop = new CoreLoop({ core: this.#core, readNow: () => this.#readNow(), perform: this.#performer() });
  }

  #readNow(): AgentNow {
    return { ...readNow(), vmGeneration: this.#vmGeneration?.read() };
  }

  #performer(): (effect: Performed) => readonly Event[] {
    const { log } = this.#options;
    const tools = {
      ...{ connection: this.#connection, keeper: this.#keeper, health: this.#health, log },
      saveIdentity: (given: Parameters<IdentityStore['save']>[0]) => this.#identity.save(given),
      forgetCluster: () => this.#identity.forgetCluster(),
      renewCertificate: (endpoint: string) => void this.#tls?.renew(endpoint, (event) => this.#post(event)),
      exit: (reason: string) => this.#end.resolve(reason),
    };
    return (effect) => {
      this.#telemetry?.performed(effect);
      return performEffect(effect, tools);
    };
  }

  /** Looks at the host, then begins. Answers once the first facts are known; the session comes when a controller is there. */
  async start(): Promise<void> {
    const { settings } = this.#options;
    const meter = new CapacityMeter(
      { maxSlots: settings.maxSlots, cpu: settings.saturation.cpu, memory: settings.saturation.memory },
      readLoad(),
    );
    await this.#openTelemetry();
    if (this.#directory.answers) await this.#openControl();
    else void this.#openControlLater();
    this.#checkVmGeneration();
    this.#tls?.begin((event) => this.#post(event));
    this.#post({ kind: 'capabilities', ...(await this.#capabilities.start()) });
    const look = (): void => {
      this.#checkVmGeneration();
      const capacity = meter.next(readLoad());
      if (capacity !== undefined) this.#post({ kind: 'capacity', capacity });
    };
    look();
    this.#loadTimer = setInterval(look, LOAD_EVERY_MS);
    this.#post({ kind: 'begin' });
  }

  /** Not loaded where nobody asked for it: an agent is small. */
  async #openTelemetry(): Promise<void> {
    const { settings, version, log } = this.#options;
    const { server, pool, stateDir, metricsListen: listen, metricsTokenFile: tokenFile } = settings;
    if (listen === undefined) return;
    const { Telemetry } = await import('./metrics/telemetry.ts');
    const { lane } = this.#directory;
    this.#telemetry = new Telemetry({
      ...{ listen, stateDir, tokenFile, lane, log, state: this.#core.state, now: readNow },
      diskStalls: () => lane.isStalled,
      certificateEndsMs: () => this.#tls?.dial.identity.life.notAfterMs,
      info: { server, pool, version, runtime: `Node ${process.versions.node}` },
    });
    void this.#telemetry.open();
  }

  /** Orders of this host's administrator; a socket in the state directory, so only where the disk takes one. */
  async #openControl(): Promise<void> {
    this.#control = await startLocalControl({
      stateDir: this.#options.settings.stateDir,
      describe: () => this.#report(),
      leave: (withinMs) => this.#post({ kind: 'leave', reason: 'LEAVE', withinMs }),
    });
  }

  /** The disk stalls. An administrator who wants to know why, or wants it to leave, reaches it as soon as that is over. */
  async #openControlLater(): Promise<void> {
    while (!this.#closing) {
      await sleep(CONTROL_AGAIN_MS, undefined, { ref: false });
      if (this.#closing || !(await this.#directory.answersNow())) continue;
      try {
        await this.#openControl();
        return;
      } catch (error) {
        this.#options.log.warn({ err: error }, 'the socket for orders to this agent can not be opened');
      }
    }
  }

  #tellProblems(changed: Partial<ProblemsFound>): void {
    Object.assign(this.#problems, changed);
    this.#post({
      kind: 'host_problems',
      problems: tellableProblems([...this.#problems.keeper, ...this.#problems.own]),
    });
  }

  /** Says, also as a capability, whether a restore of this virtual machine would be noticed. */
  #checkVmGeneration(): void {
    const vmGeneration = this.#vmGeneration;
    const watched = this.#watched;
    if (vmGeneration === undefined || (vmGeneration.read() !== undefined) === watched) return;
    this.#watched = !watched;
    const { file, kind } = vmGeneration;
    this.#capabilities.setVmGeneration(this.#watched ? kind : undefined);
    if (this.#watched) this.#options.log.info({ file, kind }, 'a restore of this virtual machine will be noticed');
    else this.#options.log.warn({ file, kind }, 'a restore of this virtual machine would not be noticed any more');
  }

  /** Takes over of other settings what can change while it runs, and tells the log the rest. */
  reload(next: AgentSettings): void {
    const { log } = this.#options;
    const done = reloadOf(this.#settings, next, ['logLevel', 'capabilities']);
    log.level = next.logLevel;
    this.#capabilities.restate(next.capabilities);
    this.#settings = { ...this.#settings, logLevel: next.logLevel, capabilities: next.capabilities };
    log.info(done, reloadText(done));
  }

  /** Its loop is all that it needs: a leader or a disk that does not answer is none of its failings. */
  get service(): ServiceState {
    const { state } = this.#core;
    return { words: `${readinessOf(state).words}; ${count(state.attempts.size, 'attempt')}`, isWell: true };
  }

  /** Ends the agent and leaves its runs to the keeper: what a restart or an upgrade needs. */
  detach(): void {
    this.#post({ kind: 'detach' });
  }

  #post(event: Event): void {
    // Before the Hello: a policy that requires the stronger containment must not be placed by a guess.
    if (event.kind === 'keeper_opened') this.#capabilities.setKeeper(event.containment, event.features ?? []);
    const renewed = event.kind === 'renewal' && event.outcome.kind === 'RENEWED' ? event.outcome : event;
    if ('certificate' in renewed) this.#capabilities.setCertificate(renewed.certificate);
    this.#loop.push(event);
  }

  #report(): AgentStatusReport {
    const { settings, version } = this.#options;
    const { server, pool, stateDir, controllers } = settings;
    return { server, pool, stateDir, controllers, pid: process.pid, version, ...describe(this.#core.state, readNow()) };
  }

  /** Lets what was said last get out, and gives the state directory up. `outcome` is told to whoever asked it to leave. */
  async close(outcome: string): Promise<void> {
    this.#closing = true;
    clearInterval(this.#loadTimer);
    this.#loop.stop();
    this.#capabilities.stop();
    this.#telemetry?.close();
    // What was learnt last is on the disk, or known not to be, before the process may end itself below.
    const [problem] = await Promise.all([this.#identity.durable(), this.#keeper.close(), this.#connection.whenIdle()]);
    if (problem !== undefined)
      this.#options.log.error({ problem: problem.detail }, 'the disk did not take who this agent is');
    this.#identity.close();
    // A leave that only memory knows is lost with the next boot.
    const lost = this.#identity.isLeaveUnwritten ? `; its disk did not take that (${problem?.detail ?? 'yet'})` : '';
    await this.#control?.close(`${outcome}${lost}`);
    this.#directory.release();
    // A thread that waits for a stalled disk would keep the process from ending in any other way.
    if (this.#directory.lane.busy) process.kill(process.pid, 'SIGKILL');
  }
}

function hostFacts({ settings, version }: AgentOptions, { instanceId, machineId }: Identity): HostFacts {
  return {
    ...{ server: serverId(settings.server), pool: poolId(settings.pool), instanceId },
    machineId: settings.machineId === '' ? hostMachineId(machineId) : settings.machineId,
    ...{ bootId: hostBootId(), agentVersion: version },
  };
}

/** What a keeper that is started from here is told of the configuration. */
function outputArguments({ output }: AgentSettings): readonly string[] {
  const flags = {
    '--output-segment-bytes': output.segmentBytes,
    '--output-segments': output.segments,
    '--output-newest': output.newest,
    '--output-policy-bytes': output.policyBytes,
    '--output-host-bytes': output.hostBytes,
    '--output-age-ms': output.maxAgeMs,
  };
  return Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
}
