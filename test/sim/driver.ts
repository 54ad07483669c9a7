/**
 * The hands of a simulated keeper: what the driver of real processes does for the core, over trees that the world knows. They may be
 * stuck, and then kills do nothing, nothing is proven empty, and a proof of the hands is not to be had.
 */
import { type TreePlace, treeName } from '../../keeper/core/attempt.ts';
import type { Effect } from '../../keeper/core/effect.ts';
import type { Event, StartRequest } from '../../keeper/core/event.ts';
import { type Refusal, refuse, refuseFor } from '../../keeper/core/refusal.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { policyId, runId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { SECOND } from '../../shared/time.ts';
import type { Host } from './host.ts';
import type { Tree, TreeFacts } from './tree.ts';

export interface DriverOptions {
  readonly host: Host;
  readonly random: Prng;
  readonly startTree: (facts: TreeFacts) => Tree;
  /** Why the next program can't be started here; undefined: it can. */
  readonly spawnProblem: () => Refusal | undefined;
  /** Does something after a while, if the keeper is still the same. */
  readonly later: (ms: number, act: () => void) => void;
  /** Something came of it later. */
  readonly tell: (event: Event) => void;
  readonly isInTable: (key: string) => boolean;
}

type DriverEffect = Extract<
  Effect,
  {
    readonly kind:
      | 'prepare'
      | 'open_gate'
      | 'discard'
      | 'terminate'
      | 'kill'
      | 'look'
      | 'remove'
      | 'forget'
      | 'sweep'
      | 'prove_hands';
  }
>;

const PREPARE_MS = 12;
/** A place that is not made by then is not made: whoever waits for it is told so. */
const PREPARE_LIMIT_MS = 3 * SECOND;
const SWEEP_POLL_MS = 50;
const SWEEP_LIMIT_MS = 5 * SECOND;

const cgroupOf = (key: string): string => `locum/${key}`;

export class SimDriver {
  handsStuck = false;
  readonly #options: DriverOptions;
  readonly #starts = new Map<string, { readonly start: StartRequest; readonly pid: number }>();
  readonly #trees = new Map<string, Tree>();

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** What is known at once are the next events. */
  perform(effect: DriverEffect): readonly Event[] {
    switch (effect.kind) {
      case 'prepare':
        this.#prepare(effect.attempt, effect.start);
        return [];
      case 'open_gate':
        this.#openGate(effect.attempt);
        return [];
      case 'discard':
        this.#starts.delete(effect.attempt);
        return [];
      case 'terminate':
        if (!this.handsStuck) this.#tree(effect.attempt)?.terminate();
        return [];
      case 'kill':
        if (!this.handsStuck) this.#tree(effect.attempt)?.kill();
        return [];
      case 'look': {
        const empty = !this.handsStuck && this.#tree(effect.attempt)?.alive !== true;
        return [{ kind: 'looked', attempt: effect.attempt, empty }];
      }
      case 'remove':
      case 'forget':
        this.#trees.delete(effect.attempt);
        return [];
      case 'sweep':
        this.#sweep(SWEEP_LIMIT_MS);
        return [];
      case 'prove_hands':
        return [{ kind: 'hands', agent: effect.agent, problem: this.handsStuck ? 'the hands are stuck' : undefined }];
    }
  }

  /** Nobody hears of its processes any more. Those that wait at a gate end with it. */
  letGo(): void {
    for (const tree of this.#trees.values()) tree.onEnd = undefined;
  }

  #prepare(key: string, start: StartRequest): void {
    const { host, random, later, tell, spawnProblem } = this.#options;
    let isOver = false;
    const answer = (event: Event): void => {
      if (!isOver) tell(event);
      isOver = true;
    };
    later(PREPARE_LIMIT_MS, () => {
      const refusal = refuse('SPAWN_FAILED', 'its place could not be made in time');
      answer({ kind: 'not_prepared', attempt: key, refusal });
    });
    const make = (problem: HostProblem | undefined): void =>
      later(random.float() * PREPARE_MS, () => {
        const refusal = problem === undefined ? spawnProblem() : refuseFor(problem);
        if (refusal !== undefined) answer({ kind: 'not_prepared', attempt: key, refusal });
        else if (!isOver) answer({ kind: 'prepared', attempt: key, place: this.#place(key, start) });
      });
    // A script is a file; a command needs a folder at most, which a full disk may have room for.
    if (random.chance(0.5)) make(undefined);
    else host.disk.write(() => {}, make);
  }

  #place(key: string, start: StartRequest): TreePlace {
    const { host } = this.#options;
    const pid = host.newPid();
    this.#starts.set(key, { start, pid });
    return { pid, startTicks: 1, cgroup: host.containment === 'CGROUP' ? cgroupOf(key) : '' };
  }

  #openGate(key: string): void {
    const { host, startTree, tell } = this.#options;
    const known = this.#starts.get(key);
    this.#starts.delete(key);
    if (known === undefined) return;
    const { run, epoch, policy, terms } = known.start;
    const { instanceId } = host.directory;
    const facts = { run: runId(run), epoch, policy: policyId(policy), terms, pid: known.pid, instanceId };
    const tree = startTree(facts);
    this.#trees.set(key, tree);
    tree.onEnd = () => {
      const { code, signal = '' } = tree.exit ?? {};
      tell({ kind: 'reaped', attempt: key, exit: { code, signal } });
    };
  }

  /** One of this keeper, or one that an earlier keeper left. */
  #tree(key: string): Tree | undefined {
    return this.#trees.get(key) ?? this.#left().find(({ facts }) => treeName(facts.run, facts.epoch) === key);
  }

  /** Trees of this state directory. */
  #left(): readonly Tree[] {
    const { host } = this.#options;
    return [...host.trees].filter(({ facts }) => facts.instanceId === host.directory.instanceId);
  }

  /** Only cgroups can be found without a record of them. */
  #sweep(leftMs: number): void {
    const { host, isInTable, later, tell } = this.#options;
    const unnamed = this.#left().filter(({ facts }) => !isInTable(treeName(facts.run, facts.epoch)));
    const found = host.containment === 'CGROUP' ? unnamed : [];
    if (!this.handsStuck) for (const tree of found) tree.kill();
    const left = found.map(({ facts: { run, epoch } }) => ({ run, epoch, cgroup: cgroupOf(treeName(run, epoch)) }));
    if (found.length === 0 || leftMs <= 0) later(1, () => tell({ kind: 'swept', left, problem: undefined }));
    else later(SWEEP_POLL_MS, () => this.#sweep(leftMs - SWEEP_POLL_MS));
  }
}
