/**
 * The keeper process: the real keeper core (keeper/core), with a simulated shell that performs its effects in order, as its driver of
 * events must: hands, a disk, a connection to the agent, and a timer.
 */
import type { KeeperRequest } from '../../agent/core/effect.ts';
import type { FromKeeper, RequestId } from '../../agent/core/event.ts';
import { Core } from '../../keeper/core/core.ts';
import type { Effect } from '../../keeper/core/effect.ts';
import type { AgentId, Event } from '../../keeper/core/event.ts';
import type { Refusal } from '../../keeper/core/refusal.ts';
import type { KeeperState } from '../../keeper/core/state.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { epoch as epochOf, runId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { SECOND } from '../../shared/time.ts';
import { SimDriver } from './driver.ts';
import type { Host } from './host.ts';
import { askOf, keptOf } from './kept-attempt.ts';
import { Process, type Surroundings } from './process.ts';
import type { Tree, TreeFacts } from './tree.ts';

/** The agent's end of a connection, and whether it still counts. */
export interface KeeperLink {
  readonly tell: (event: FromKeeper) => void;
  readonly tellProblems: (problems: readonly HostProblem[]) => void;
  /** The connection is over. */
  readonly onClosed: (detail: string) => void;
  over: boolean;
}

export interface KeeperWorld {
  readonly host: Host;
  readonly random: Prng;
  readonly startTree: (facts: TreeFacts) => Tree;
  /** Why the next program can't be started here; undefined: it can. */
  readonly spawnProblem: () => Refusal | undefined;
  failed(who: string, error: unknown): void;
  say(who: string, what: () => string): void;
}

/** How long it stays with no agent and nothing that lives. */
const IDLE_MS = 30 * SECOND;
/** A write that is not taken by then counts as refused. */
const WRITE_LIMIT_MS = 2 * SECOND;
/** A problem of its host is noticed within this time, and so is its end. */
const NOTICE_MS = 3 * SECOND;
/** Looks again at least this often: timers do not count suspend. */
const LOOK_AGAIN_MS = SECOND;

export class KeeperNode extends Process {
  pid = 0;
  serving = false;
  readonly #world: KeeperWorld;
  #core: Core | undefined;
  #driver: SimDriver | undefined;
  #links = new Map<AgentId, KeeperLink>();
  #lastAgent = 0;

  constructor(surroundings: Surroundings, world: KeeperWorld) {
    super(`${world.host.name}.keeper`, surroundings);
    this.#world = world;
    world.host.onProblems = () => this.#noticeProblems();
  }

  /** Kills do nothing, and no proof of the hands can be had; a fault of this process, which ends with it. */
  set handsStuck(stuck: boolean) {
    if (this.#driver !== undefined) this.#driver.handsStuck = stuck;
  }

  /** It has the lock of its state directory; now it reads what an earlier one wrote. */
  protected onStart(): void {
    const { host } = this.#world;
    this.pid = host.newPid();
    this.serving = false;
    this.#core = undefined;
    this.#links = new Map();
    const { life } = this;
    host.disk.read((ok) => {
      if (this.life !== life) return;
      this.take(() => {
        if (ok) this.#begin();
        else this.die();
      });
    });
  }

  #begin(): void {
    const { host, random, startTree, spawnProblem } = this.#world;
    const { life } = this;
    const options = { bootId: host.bootId, recovered: host.directory.journal.fold(), idleMs: IDLE_MS };
    const core = new Core(options, this.clock.read(this.queue.now));
    this.#core = core;
    this.#driver = new SimDriver({
      ...{ host, random, startTree, spawnProblem },
      later: (ms, act) => this.later(ms, act),
      tell: (event) => {
        if (this.life === life) this.take(() => this.step(event));
      },
      isInTable: (key) => core.state.attempts.has(key),
    });
    this.#haveStuckHands(host.handsStuckUntil - this.queue.now);
    this.step({ kind: 'begin' });
    this.#noticeProblems();
  }

  /** From its start on. */
  #haveStuckHands(ms: number): void {
    if (ms <= 0) return;
    this.handsStuck = true;
    this.later(ms, () => {
      this.handsStuck = false;
    });
  }

  protected onDeath(): void {
    this.serving = false;
    this.#core = undefined;
    this.#driver?.letGo();
    this.#driver = undefined;
    for (const agent of [...this.#links.keys()]) this.#disconnect(agent, 'the keeper is gone');
  }

  protected onWake(): void {
    this.step({ kind: 'tick' });
  }

  protected override onResume(): void {
    this.later(this.#world.random.float() * LOOK_AGAIN_MS, () => this.step({ kind: 'tick' }));
  }

  #noticeProblems(): void {
    const { host, random } = this.#world;
    this.later(random.float() * NOTICE_MS, () => {
      this.step({ kind: 'host_problems', problems: host.problems });
    });
  }

  attach(link: KeeperLink): void {
    this.#lastAgent += 1;
    this.#links.set(this.#lastAgent, link);
    this.step({ kind: 'attached', agent: this.#lastAgent, description: 'an agent' });
  }

  detach(link: KeeperLink): void {
    const agent = this.#agentOf(link);
    if (agent === undefined) return;
    this.#links.delete(agent);
    this.step({ kind: 'detached', agent });
  }

  /** The host shuts down. */
  leave(withinMs: number): void {
    this.step({ kind: 'shutdown', withinMs });
  }

  handle(link: KeeperLink, request: RequestId, ask: KeeperRequest): void {
    const agent = this.#agentOf(link);
    const asked = askOf(ask);
    if (agent !== undefined && asked !== undefined) this.step({ kind: 'asked', agent, request, ask: asked });
  }

  #agentOf(link: KeeperLink): AgentId | undefined {
    return [...this.#links].find(([, one]) => one === link)?.[0];
  }

  /** One event, and then those that its effects answer at once. */
  step(event: Event): void {
    const queue: Event[] = [event];
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const core = this.#core;
        if (core === undefined) return;
        const now = this.clock.read(this.queue.now);
        core.step(next, now);
        for (const effect of core.flush(now)) queue.push(...this.#perform(core.state, effect));
      }
    } catch (error) {
      this.#world.failed(this.name, error);
    }
  }

  #perform(state: KeeperState, effect: Effect): readonly Event[] {
    switch (effect.kind) {
      case 'prepare':
      case 'open_gate':
      case 'discard':
      case 'look':
      case 'remove':
      case 'forget':
      case 'sweep':
      case 'prove_hands':
        return this.#driver?.perform(effect) ?? [];
      case 'terminate':
      case 'kill':
        this.#world.say(this.name, () => `${effect.kind} ${effect.attempt}`);
        return this.#driver?.perform(effect) ?? [];
      case 'write':
        this.#write(effect);
        return [];
      case 'serve':
        this.serving = true;
        return [];
      case 'wake':
        this.wakeAt(effect.atMono);
        return [];
      case 'log':
        if (effect.level !== 'info') this.#world.say(this.name, () => effect.text);
        return [];
      case 'end':
        if (effect.code === 0 && this.#core?.state.forgets === true) this.#world.host.directory.journal.clear();
        this.die();
        return [];
      case 'tell_opened':
      case 'tell_changed':
      case 'tell_problems':
      case 'tell_leaving':
      case 'answer':
      case 'pong':
      case 'disconnect':
        this.#tell(state, effect);
        return [];
    }
  }

  #tell(
    state: KeeperState,
    effect: Extract<Effect, { kind: `tell_${string}` | 'answer' | 'pong' | 'disconnect' }>,
  ): void {
    const link = this.#links.get(effect.agent);
    if (link === undefined) return;
    switch (effect.kind) {
      case 'tell_opened':
        link.tell({
          ...{ kind: 'keeper_opened', pid: this.pid, containment: this.#world.host.containment },
          ...{ attempts: [...state.attempts.values()].map(keptOf), highestTerm: state.highestTerm },
          highestEpoch: state.spent.newest,
        });
        link.tellProblems(state.problems);
        return;
      case 'tell_changed': {
        const attempt = state.attempts.get(effect.attempt);
        if (attempt !== undefined) link.tell({ kind: 'keeper_changed', attempt: keptOf(attempt) });
        return;
      }
      case 'tell_problems':
        link.tellProblems(state.problems);
        return;
      case 'tell_leaving':
        link.tell({ kind: 'keeper_leaving', withinMs: effect.withinMs });
        return;
      case 'answer': {
        const { refused, ...said } = effect.answer;
        const refs = refused.map(({ run, epoch }) => ({ run: runId(run), epoch: epochOf(epoch) }));
        link.tell({ kind: 'keeper_result', request: effect.request, ...said, refused: refs });
        return;
      }
      case 'pong':
        link.tell({ kind: 'keeper_pong' });
        return;
      case 'disconnect':
        this.#disconnect(effect.agent, effect.reason);
    }
  }

  #disconnect(agent: AgentId, reason: string): void {
    const link = this.#links.get(agent);
    this.#links.delete(agent);
    if (link === undefined || link.over) return;
    link.over = true;
    link.onClosed(reason);
  }

  /** What the disk takes late is in the journal all the same. */
  #write({ write, record }: Extract<Effect, { kind: 'write' }>): void {
    const { disk, directory } = this.#world.host;
    const { life } = this;
    let isOver = write === 0;
    const answer = (problem: HostProblem | undefined): void => {
      if (isOver) return;
      isOver = true;
      this.step({ kind: 'written', write, problem });
    };
    if (write !== 0)
      this.later(WRITE_LIMIT_MS, () => answer({ kind: 'IO_ERROR', detail: 'the disk did not take it in time' }));
    disk.write(
      () => directory.journal.append(record),
      (problem) => {
        if (this.life === life) this.take(() => answer(problem));
      },
    );
  }
}
