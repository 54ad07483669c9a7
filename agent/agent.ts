/** An agent, put together: core, loop, streams, keeper, capabilities, capacity, local control. */
import { randomInt } from 'node:crypto';
import type { Logger } from '../shared/log.ts';
import { SECOND } from '../shared/time.ts';
import { CapabilityWatch } from './capabilities/watch.ts';
import { CapacityMeter, readLoad } from './capacity.ts';
import { readNow } from './clock.ts';
import type { AgentSettings } from './config.ts';
import { Connection } from './connection.ts';
import type { AgentNow } from './core/clock.ts';
import { describe } from './core/describe.ts';
import type { Effect } from './core/effect.ts';
import type { Event } from './core/event.ts';
import { type AgentState, createAgent } from './core/state.ts';
import { performEffect } from './effects.ts';
import { hostBootId, hostMachineId, type Identity, loadIdentity, saveIdentity } from './identity.ts';
import { KeeperLink } from './keeper-link/keeper-link.ts';
import type { SpawnKeeperOptions } from './keeper-link/launch.ts';
import { type AgentStatusReport, type LocalControl, startLocalControl } from './local-control.ts';
import { AgentLoop } from './loop.ts';
import { lockStateDirectory, type StateLock } from './state-lock.ts';
import { findVmGeneration, type VmGeneration } from './vm-generation.ts';

/** Between two looks at the load. */
const LOAD_EVERY_MS = 5 * SECOND;

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly version: string;
  readonly log: Logger;
  /** How a keeper is started. Default: `locum keeper` of this installation. */
  readonly spawnKeeper?: SpawnKeeperOptions;
}

export class Agent {
  /** Resolves, with the reason, when the agent has ended by its own decision. */
  readonly ended: Promise<string>;
  private readonly options: AgentOptions;
  private readonly lock: StateLock;
  private readonly identity: Identity;
  private readonly vmGeneration: VmGeneration | undefined;
  private readonly state: AgentState;
  private readonly loop: AgentLoop;
  private readonly connection: Connection;
  private readonly keeper: KeeperLink;
  private readonly capabilities: CapabilityWatch;
  private readonly end = Promise.withResolvers<string>();
  /** The generation of the virtual machine can be read. */
  private watched = false;
  private loadTimer: NodeJS.Timeout | undefined;
  private control: LocalControl | undefined;

  /** Takes the state directory. @throws AgentRunningError, IdentityError */
  constructor(options: AgentOptions) {
    const { settings, version, log, spawnKeeper = {} } = options;
    this.options = options;
    this.ended = this.end.promise;
    this.vmGeneration = findVmGeneration(settings.vmGenerationFile);
    this.lock = lockStateDirectory(settings.stateDir);
    try {
      this.identity = loadIdentity(settings.stateDir, settings.server);
    } catch (error) {
      this.lock.release();
      throw error;
    }
    const { uid, clusterId, highestTerm } = this.identity;
    const core = { endpoints: settings.controllers, maxSlots: settings.maxSlots, seed: randomInt(2 ** 47) };
    this.state = createAgent({ ...core, uid, clusterId, highestTerm }, this.readNow());
    const onEvent = (event: Event): void => this.onEvent(event);
    this.connection = new Connection(onEvent);
    this.keeper = new KeeperLink({
      ...{ stateDir: settings.stateDir, agentVersion: version, baseEnv: settings.baseEnv, log, onEvent },
      spawn: { ...spawnKeeper, args: [...(spawnKeeper.args ?? []), ...outputArguments(settings)] },
    });
    this.capabilities = new CapabilityWatch({
      ...{ stated: settings.capabilities, probes: settings.probes, env: process.env, log },
      onChange: (capabilities) => onEvent({ kind: 'capabilities', capabilities }),
    });
    this.loop = new AgentLoop({ state: this.state, readNow: () => this.readNow(), perform: this.performer() });
  }

  private readNow(): AgentNow {
    return { ...readNow(), vmGeneration: this.vmGeneration?.read() };
  }

  private performer(): (effect: Exclude<Effect, { kind: 'wake' }>) => readonly Event[] {
    const { settings, version, log } = this.options;
    const tools = {
      ...{ connection: this.connection, keeper: this.keeper, log },
      identity: {
        ...{ server: settings.server, pool: settings.pool, instanceId: this.identity.instanceId },
        machineId: settings.machineId === '' ? hostMachineId(this.identity.machineId) : settings.machineId,
        ...{ bootId: hostBootId(), agentVersion: version },
      },
      saveIdentity: (given: Pick<Identity, 'uid' | 'clusterId' | 'highestTerm'>) =>
        saveIdentity(settings.stateDir, { ...this.identity, ...given }),
      onExit: (reason: string) => this.end.resolve(reason),
    };
    return (effect) => performEffect(effect, tools);
  }

  /** Looks at the host, then begins. Answers once the first facts are known; the session comes when a controller is there. */
  async start(): Promise<void> {
    const { settings } = this.options;
    const meter = new CapacityMeter(
      { maxSlots: settings.maxSlots, cpu: settings.saturation.cpu, memory: settings.saturation.memory },
      readLoad(),
    );
    this.control = await startLocalControl({
      stateDir: settings.stateDir,
      describe: () => this.report(),
      leave: (withinMs) => this.onEvent({ kind: 'leave', reason: 'LEAVE', withinMs }),
    });
    this.checkVmGeneration();
    this.onEvent({ kind: 'capabilities', capabilities: await this.capabilities.start() });
    const look = (): void => {
      this.checkVmGeneration();
      const capacity = meter.next(readLoad());
      if (capacity !== undefined) this.onEvent({ kind: 'capacity', capacity });
    };
    look();
    this.loadTimer = setInterval(look, LOAD_EVERY_MS);
    this.onEvent({ kind: 'begin' });
  }

  /** Says, also as a capability, whether a restore of this virtual machine would be noticed. */
  private checkVmGeneration(): void {
    const { vmGeneration, watched } = this;
    if (vmGeneration === undefined || (vmGeneration.read() !== undefined) === watched) return;
    this.watched = !watched;
    const { file, kind } = vmGeneration;
    this.capabilities.setVmGeneration(this.watched ? kind : undefined);
    if (this.watched) this.options.log.info({ file, kind }, 'a restore of this virtual machine will be noticed');
    else this.options.log.warn({ file, kind }, 'a restore of this virtual machine would not be noticed any more');
  }

  /** Ends the agent and leaves its runs to the keeper: what a restart or an upgrade needs. */
  detach(): void {
    this.onEvent({ kind: 'detach' });
  }

  private onEvent(event: Event): void {
    // Before the Hello: a policy that requires the stronger containment must not be placed by a guess.
    if (event.kind === 'keeper_opened') this.capabilities.setContainment(event.containment);
    this.loop.push(event);
  }

  private report(): AgentStatusReport {
    const { settings, version } = this.options;
    const { server, pool, stateDir, controllers } = settings;
    return { server, pool, stateDir, controllers, pid: process.pid, version, ...describe(this.state, readNow()) };
  }

  /** Lets what was said last get out, and gives the state directory up. `outcome` is told to whoever asked it to leave. */
  async close(outcome: string): Promise<void> {
    clearInterval(this.loadTimer);
    this.loop.stop();
    this.capabilities.stop();
    await Promise.all([this.keeper.close(), this.connection.whenIdle()]);
    await this.control?.close(outcome);
    this.lock.release();
  }
}

/** What a keeper that is started from here is told of the configuration. */
function outputArguments({ output }: AgentSettings): readonly string[] {
  return [
    ...(output.segmentBytes === undefined ? [] : ['--output-segment-bytes', String(output.segmentBytes)]),
    ...(output.segments === undefined ? [] : ['--output-segments', String(output.segments)]),
  ];
}
