/** A machine that can run policies: its clocks, its process trees, its state directory, and the agent and keeper that share it. */

import type { HostProblem } from '../../shared/host-problem.ts';
import type { PoolId, ServerId } from '../../shared/ids.ts';
import type { HostFacts } from '../../shared/protocol/agent-message.ts';
import { SECOND } from '../../shared/time.ts';
import type { Credentials } from './certificates/pki.ts';
import { type SimClock, trueWall } from './clock.ts';
import { type SimDisk, SimJournal } from './disk.ts';
import type { Tree } from './tree.ts';

/** What outlives every process of the machine. */
export interface StateDirectory {
  readonly instanceId: string;
  uid: string;
  clusterId: string;
  highestTerm: number;
  /** Undefined: it has not joined, or nobody does in this world. */
  credentials: Credentials | undefined;
  readonly journal: SimJournal;
}

export const newStateDirectory = (instanceId: string): StateDirectory => ({
  ...{ instanceId, uid: '', clusterId: '', highestTerm: 0, credentials: undefined },
  journal: new SimJournal(),
});

/** What an agent knows of itself and its cluster. */
export type Remembered = Pick<StateDirectory, 'uid' | 'clusterId' | 'highestTerm'>;

/** Whoever watches over the promises. */
export interface TreeWatch {
  treeStarted(tree: Tree): void;
  treeEnded(tree: Tree): void;
  /** A machine that stood still goes on, with what it had. */
  hostAwoke(host: Host): void;
}

/** A process of the machine, as the machine sees it. */
export interface Resident {
  readonly alive: boolean;
  pause(): () => void;
  armAgain(): void;
}

/** Time for the other of agent and keeper to notice a fault, and to do what it must. */
const RECOVERY_MS = 14 * SECOND;

export class Host {
  readonly name: string;
  readonly server: ServerId;
  readonly pool: PoolId;
  readonly machineId: string;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  /** Without cgroups, only what was written down is found again. */
  readonly containment: 'CGROUP' | 'PROCESS_GROUP';
  readonly watch: TreeWatch;
  readonly trees = new Set<Tree>();
  readonly residents: Resident[] = [];
  directory: StateDirectory;
  bootId: string;
  /** What memory has of the agents of this boot; an agent that finds its disk stalled goes on with it. */
  remembered: Remembered | undefined;
  /** A problem besides that of its disk, which its keeper notices; nothing can be started. */
  #ailment: HostProblem | undefined;
  /** Told when its problems change. */
  onProblems: () => void = () => {};
  #boots = 1;
  #pids = 0;
  /** A keeper that starts before this time can kill nothing until then: what it finds lives on. */
  handsStuckUntil = 0;
  /** Until then its agent or keeper has a fault, or gets over one: the claim is about one at a time. */
  faultyUntil = 0;
  /** Trees that start before this time start from what was read on a stopped clock. */
  outsideClaimUntil = 0;
  /** No start gets through to its agent: each one breaks the stream, as a message that is too large does. */
  chokesOnStarts = false;
  #waiting: (() => void)[] = [];
  #resume: (() => void)[] = [];

  constructor(options: {
    readonly name: string;
    readonly server: ServerId;
    readonly pool: PoolId;
    readonly clock: SimClock;
    readonly disk: SimDisk;
    readonly containment: 'CGROUP' | 'PROCESS_GROUP';
    readonly watch: TreeWatch;
    readonly directory: StateDirectory;
  }) {
    this.name = options.name;
    this.server = options.server;
    this.pool = options.pool;
    this.machineId = `machine-${options.name}`;
    this.clock = options.clock;
    this.disk = options.disk;
    this.containment = options.containment;
    this.watch = options.watch;
    this.directory = options.directory;
    this.bootId = `${options.name}-boot-1`;
    this.disk.onChange = () => this.onProblems();
  }

  /** Who it is for a leader, in this boot and with this state directory. */
  get facts(): HostFacts {
    const { server, pool, machineId, bootId, directory } = this;
    return { server, pool, machineId, bootId, instanceId: directory.instanceId, agentVersion: 'sim' };
  }

  /** What keeps programs from being started, as whoever looks at the machine sees it. */
  get problems(): readonly HostProblem[] {
    return [this.disk.problem, this.#ailment].filter((problem) => problem !== undefined);
  }

  ail(problem: HostProblem | undefined): void {
    this.#ailment = problem;
    this.onProblems();
  }

  /** Notes a fault of agent or keeper that lasts until then. */
  engage(until: number): void {
    this.faultyUntil = until + RECOVERY_MS;
  }

  /** A leave that is whole: the same folder is another place. The keeper's journal in it is the keeper's to clear. */
  forgetCluster(): void {
    const { instanceId, journal, credentials } = this.directory;
    this.directory = { ...newStateDirectory(`${instanceId}+`), journal, credentials };
    this.remembered = { uid: '', clusterId: '', highestTerm: 0 };
  }

  /** Of the disk, or of memory, where that is newer. */
  get identity(): Remembered {
    const { directory, remembered } = this;
    return remembered !== undefined && remembered.highestTerm > directory.highestTerm ? remembered : directory;
  }

  /** Without the disk, by what memory has of a dead keeper: all that is in its cgroups. */
  killLeftoverCgroups(): void {
    if (this.containment !== 'CGROUP') return;
    for (const tree of this.trees) if (tree.facts.instanceId === this.directory.instanceId) tree.kill();
  }

  newPid(): number {
    this.#pids += 1;
    return this.#pids;
  }

  /** Everything on it stands still, and so do its clocks: monotonic time alone, or all of them. */
  standStill(now: number, state: 'suspended' | 'frozen'): void {
    this.clock.change(now, { state });
    this.#resume = this.residents.filter(({ alive }) => alive).map((resident) => resident.pause());
  }

  goOn(now: number): void {
    if (this.clock.state === 'running') return;
    this.clock.change(now, { state: 'running' });
    for (const act of this.#waiting.splice(0)) act();
    for (const resume of this.#resume.splice(0)) resume();
    this.watch.hostAwoke(this);
  }

  /** Does something once the machine runs: at once, as a rule. */
  whenRunning(act: () => void): void {
    if (this.clock.state === 'running') act();
    else this.afterStandstill(act);
  }

  afterStandstill(act: () => void): void {
    this.#waiting.push(act);
  }

  changeClock(now: number, to: { readonly rate?: number; readonly wallStepMs?: number }): void {
    this.clock.change(now, to);
    for (const resident of this.residents) resident.armAgain();
  }

  /** As NTP does, or whoever looks after it. */
  setWallRight(now: number): void {
    this.changeClock(now, { wallStepMs: trueWall(now) - this.clock.wall(now) });
  }

  /** Everything that ran is gone. The processes are to be ended and started by the caller. */
  boot(now: number): void {
    this.#waiting = [];
    this.#resume = [];
    for (const tree of [...this.trees]) tree.vanish();
    this.remembered = undefined;
    this.#boots += 1;
    this.bootId = `${this.name}-boot-${this.#boots}`;
    this.clock.restart(now);
  }
}
