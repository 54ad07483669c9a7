/** The agent's side of the unix socket to its keeper: finds the keeper or starts one, and keeps the order of what is said. */
import type { KeeperRequest, LeftTree as TreeFacts } from '../../agent/core/effect.ts';
import type { FromKeeper, RequestId } from '../../agent/core/event.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import type { Prng } from '../../shared/prng.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import type { EventQueue } from './event-queue.ts';
import type { Host } from './host.ts';
import type { KeeperLink, KeeperNode } from './keeper.ts';
import type { Tree } from './tree.ts';

export interface KeeperChannelOptions {
  readonly host: Host;
  readonly keeper: KeeperNode;
  readonly queue: EventQueue;
  readonly random: Prng;
  /** Hands something to the agent of this life, when it runs. */
  readonly take: (act: () => void) => void;
  readonly onEvent: (event: FromKeeper) => void;
  readonly onProblems: (problems: readonly HostProblem[]) => void;
}

const DELAY_MS = 1.5;
const RETRY_MS = 60;
/** How long a keeper is waited for, and how long when one may be started. */
const OPEN_LIMIT_MS = 5_000;
const START_LIMIT_MS = 20_000;
/** How long trees are killed before they are left to the next keeper. */
const KILL_LIMIT_MS = 2_000;

export class KeeperChannel {
  readonly #options: KeeperChannelOptions;
  #link: KeeperLink | undefined;
  #toKeeperAt = 0;
  #toAgentAt = 0;
  #closed = false;

  constructor(options: KeeperChannelOptions) {
    this.#options = options;
  }

  open(mayStart: boolean): void {
    const { queue, random } = this.#options;
    const until = queue.now + (mayStart ? START_LIMIT_MS : OPEN_LIMIT_MS);
    queue.after(random.float() * 8, () => this.#try(mayStart, until));
  }

  #try(mayStart: boolean, until: number): void {
    const { keeper, queue, random } = this.#options;
    if (this.#closed) return;
    if (keeper.isRunning && keeper.serving) {
      this.#connect();
      return;
    }
    if (!keeper.alive && mayStart) queue.after(20 + random.float() * 80, () => keeper.start());
    if ((!keeper.alive && !mayStart) || queue.now >= until) {
      this.#say({ kind: 'keeper_closed', detail: 'no keeper answers' });
      return;
    }
    queue.after(RETRY_MS + random.float() * RETRY_MS, () => this.#try(mayStart, until));
  }

  #connect(): void {
    const { keeper } = this.#options;
    const link: KeeperLink = {
      over: false,
      tell: (event) => this.#fromKeeper(link, () => this.#say(event)),
      tellProblems: (problems) => this.#fromKeeper(link, () => this.#sayProblems(problems)),
      onClosed: (detail) =>
        this.#fromKeeper(link, () => {
          if (this.#link === link) this.#link = undefined;
          this.#say({ kind: 'keeper_closed', detail });
        }),
    };
    this.#link = link;
    keeper.take(() => keeper.attach(link));
  }

  #fromKeeper(link: KeeperLink, act: () => void): void {
    const { queue, random } = this.#options;
    this.#toAgentAt = Math.max(this.#toAgentAt, queue.now + random.float() * DELAY_MS);
    queue.at(this.#toAgentAt, () => {
      if (!this.#closed && this.#link === link) act();
    });
  }

  #say(event: FromKeeper): void {
    const { take, onEvent } = this.#options;
    take(() => {
      if (!this.#closed) onEvent(event);
    });
  }

  #sayProblems(problems: readonly HostProblem[]): void {
    const { take, onProblems } = this.#options;
    take(() => {
      if (!this.#closed) onProblems(problems);
    });
  }

  ask(request: RequestId, ask: KeeperRequest): void {
    const link = this.#link;
    const { keeper, queue, random } = this.#options;
    if (link === undefined) return;
    const { life } = keeper;
    this.#toKeeperAt = Math.max(this.#toKeeperAt, queue.now + random.float() * DELAY_MS);
    queue.at(this.#toKeeperAt, () => {
      if (keeper.life === life) keeper.take(() => keeper.handle(link, request, ask));
    });
  }

  /** A9: first the keeper, then the trees; answers what is proven empty. */
  killTrees(keeperPid: number, facts: readonly TreeFacts[]): void {
    const { keeper, queue, random } = this.#options;
    this.#link = undefined;
    queue.after(2 + random.float() * 20, () => {
      if (this.#closed) return;
      if (keeper.alive && keeper.pid === keeperPid) keeper.die();
      const known = facts.filter(({ cgroup, pid }) => cgroup !== '' || pid !== 0);
      const left = facts.filter(({ cgroup, pid }) => cgroup === '' && pid === 0);
      for (const fact of known) this.#find(fact)?.kill();
      this.#awaitDeaths(known, left, queue.now + KILL_LIMIT_MS);
    });
  }

  #awaitDeaths(known: readonly TreeFacts[], left: readonly TreeFacts[], until: number): void {
    const { queue } = this.#options;
    if (this.#closed) return;
    const living = known.filter((fact) => this.#find(fact) !== undefined);
    if (living.length > 0 && queue.now < until) {
      queue.after(20, () => this.#awaitDeaths(known, left, until));
      return;
    }
    const killed = known.filter((fact) => !living.includes(fact));
    this.#say({ kind: 'trees_killed', killed: killed.map(refOf), left: [...left, ...living].map(refOf) });
  }

  #find({ run, epoch }: TreeFacts): Tree | undefined {
    const { host } = this.#options;
    const { instanceId } = host.directory;
    return [...host.trees].find(
      ({ facts }) => facts.run === run && facts.epoch === epoch && facts.instanceId === instanceId,
    );
  }

  /** The agent is gone. The keeper sees the end of the connection. */
  close(): void {
    this.#closed = true;
    const link = this.#link;
    const { keeper, queue } = this.#options;
    if (link === undefined) return;
    const { life } = keeper;
    queue.after(1, () => {
      if (keeper.life !== life) return;
      keeper.take(() => {
        link.over = true;
        keeper.detach(link);
      });
    });
  }
}

const refOf = ({ run, epoch }: TreeFacts): AttemptRef => ({ run, epoch });
