/** A machine that can run policies: its clocks, its process trees, its state directory, and the agent and keeper that share it. */

import type { KeptAttempt } from '../../agent/core/event.ts';
import { SpentEpochs } from '../../keeper/core/spent-epochs.ts';
import type { PoolId, ServerId } from '../../shared/ids.ts';
import { SECOND } from '../../shared/time.ts';
import type { SimClock } from './clock.ts';
import type { Tree } from './tree.ts';

/** What outlives every process of the machine. */
export interface StateDirectory {
  readonly instanceId: string;
  uid: string;
  clusterId: string;
  highestTerm: number;
  readonly journal: {
    readonly spent: SpentEpochs;
    /** With the boot in which it was written. */
    readonly attempts: Map<string, { readonly kept: KeptAttempt; readonly bootId: string }>;
    highestTerm: number;
  };
}

export function newStateDirectory(instanceId: string): StateDirectory {
  const journal = { spent: new SpentEpochs(10_000), attempts: new Map(), highestTerm: 0 };
  return { instanceId, uid: '', clusterId: '', highestTerm: 0, journal };
}

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
  readonly watch: TreeWatch;
  readonly trees = new Set<Tree>();
  readonly residents: Resident[] = [];
  directory: StateDirectory;
  bootId: string;
  #boots = 1;
  #pids = 0;
  /** Until then its agent or keeper has a fault, or gets over one: the claim is about one at a time. */
  faultyUntil = 0;
  /** Trees that start before this time start from what was read on a stopped clock. */
  outsideClaimUntil = 0;
  #waiting: (() => void)[] = [];
  #resume: (() => void)[] = [];

  constructor(options: {
    readonly name: string;
    readonly server: ServerId;
    readonly pool: PoolId;
    readonly clock: SimClock;
    readonly watch: TreeWatch;
    readonly directory: StateDirectory;
  }) {
    this.name = options.name;
    this.server = options.server;
    this.pool = options.pool;
    this.machineId = `machine-${options.name}`;
    this.clock = options.clock;
    this.watch = options.watch;
    this.directory = options.directory;
    this.bootId = `${options.name}-boot-1`;
  }

  /** Notes a fault of agent or keeper that lasts until then. */
  engage(until: number): void {
    this.faultyUntil = until + RECOVERY_MS;
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

  /** Everything that ran is gone. The processes are to be ended and started by the caller. */
  boot(now: number): void {
    this.#waiting = [];
    this.#resume = [];
    for (const tree of [...this.trees]) tree.vanish();
    this.#boots += 1;
    this.bootId = `${this.name}-boot-${this.#boots}`;
    this.clock.restart(now);
  }
}
