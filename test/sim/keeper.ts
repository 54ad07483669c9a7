/**
 * The keeper process, simulated around its real decisions (keeper/core/deadline.ts, spent-epochs.ts): what is due for an attempt, and
 * which epochs are spent, is decided by the code that ships; processes, cgroups and the socket are simple models of theirs.
 */

import type { KeeperRequest } from '../../agent/core/effect.ts';
import type { FromKeeper, KeptAttempt, RequestId } from '../../agent/core/event.ts';
import { type Decision, decide, extended, firstKill, stopNow } from '../../keeper/core/deadline.ts';
import { unreachable } from '../../shared/assert.ts';
import type { Prng } from '../../shared/prng.ts';
import type { Host } from './host.ts';
import {
  causeOf,
  keptOf,
  keyOf,
  leftover,
  newAttempt,
  type Reason,
  type Refusal,
  type SimAttempt,
  stateOf,
} from './kept-attempt.ts';
import { Process, type Surroundings } from './process.ts';
import type { Tree, TreeFacts } from './tree.ts';

/** The agent's end of a connection, and whether it still counts. */
export interface KeeperLink {
  readonly tell: (event: FromKeeper) => void;
  /** The connection is over. */
  readonly onClosed: (detail: string) => void;
  over: boolean;
}

export interface KeeperWorld {
  readonly host: Host;
  readonly random: Prng;
  startTree(facts: TreeFacts): Tree;
  /** Why the next program can't be started here; undefined: it can. */
  spawnProblem(): Refusal | undefined;
  say(who: string, what: () => string): void;
}

/** Looks again at least this often: timers do not count suspend. */
const LONGEST_WAIT_MS = 1_000;
/** How long leftovers may take to die before the keeper serves all the same. */
const LEFTOVERS_MS = 5_000;
const POLL_MS = 50;

export class KeeperNode extends Process {
  pid = 0;
  serving = false;
  readonly #world: KeeperWorld;
  #table = new Map<string, SimAttempt>();
  #link: KeeperLink | undefined;
  #leaving = false;
  #ending = false;

  constructor(surroundings: Surroundings, world: KeeperWorld) {
    super(`${world.host.name}.keeper`, surroundings);
    this.#world = world;
  }

  get hasAgent(): boolean {
    return this.#link !== undefined;
  }

  protected onStart(): void {
    this.pid = this.#world.host.newPid();
    this.#table = new Map();
    this.#link = undefined;
    this.#leaving = false;
    this.#ending = false;
    this.serving = false;
    this.#clearLeftovers();
  }

  protected onDeath(): void {
    this.serving = false;
    for (const { tree } of this.#table.values()) if (tree !== undefined) tree.onEnd = undefined;
    this.#closeLink('the keeper is gone');
  }

  protected onWake(): void {
    this.#lookAtAll();
  }

  protected override onResume(): void {
    this.later(this.#world.random.float() * LONGEST_WAIT_MS, () => this.#lookAtAll());
  }

  /** A7: what an earlier keeper of this state directory left is killed before anybody is served. */
  #clearLeftovers(): void {
    const { host } = this.#world;
    const { now } = this.queue;
    for (const { kept, bootId } of host.directory.journal.attempts.values()) {
      const tree = bootId === host.bootId ? this.#findTree(kept) : undefined;
      const attempt = leftover(kept, tree);
      this.#table.set(keyOf(attempt.run, attempt.epoch), attempt);
      if (attempt.ended !== undefined) continue;
      attempt.reason = { cause: 'LOST', detail: tree === undefined ? 'the host was booted since' : 'its keeper died' };
      this.#apply(attempt, firstKill(host.clock.read(now)));
      if (tree === undefined) this.#finish(attempt);
      else tree.onEnd = () => this.take(() => this.#finish(attempt));
    }
    this.#serveWhenClear(this.queue.now + LEFTOVERS_MS);
  }

  #findTree({ status }: KeptAttempt): Tree | undefined {
    const { host } = this.#world;
    return [...host.trees].find(
      ({ facts }) =>
        facts.run === status.run && facts.epoch === status.epoch && facts.instanceId === host.directory.instanceId,
    );
  }

  #serveWhenClear(until: number): void {
    const living = this.#living();
    if (living.length === 0 || this.queue.now >= until) this.serving = true;
    else this.later(POLL_MS, () => this.#serveWhenClear(until));
  }

  /** A9: one agent connection; a new one voids what the old one sent and was not read. */
  attach(link: KeeperLink): void {
    this.#closeLink('another agent attached');
    this.#link = link;
    const { journal } = this.#world.host.directory;
    link.tell({
      kind: 'keeper_opened',
      pid: this.pid,
      containment: 'CGROUP',
      attempts: [...this.#table.values()].map(keptOf),
      highestTerm: journal.highestTerm,
    });
    if (this.#leaving) link.tell({ kind: 'keeper_leaving', withinMs: 5_000 });
  }

  detach(link: KeeperLink): void {
    if (this.#link === link) this.#link = undefined;
  }

  #closeLink(detail: string): void {
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined || link.over) return;
    link.over = true;
    link.onClosed(detail);
  }

  /** The host shuts down: the agent is told, and drains. */
  leave(withinMs: number): void {
    this.#leaving = true;
    this.#link?.tell({ kind: 'keeper_leaving', withinMs });
  }

  handle(link: KeeperLink, request: RequestId, ask: KeeperRequest): void {
    if (link.over || this.#link !== link) return;
    const { journal } = this.#world.host.directory;
    switch (ask.kind) {
      case 'start':
        this.#start(link, request, ask);
        return;
      case 'extend': {
        const refused = ask.extensions.filter((extension) => !this.#extend(extension));
        link.tell({ ...result(request), refused: refused.map(({ run, epoch }) => ({ run, epoch })) });
        return;
      }
      case 'stop': {
        const { run, epoch } = ask.attempt;
        const attempt = this.#table.get(keyOf(run, epoch));
        if (attempt === undefined) {
          journal.spent.spend(run, epoch);
          link.tell({ ...result(request), ok: false, reason: 'NOT_FOUND' });
          return;
        }
        this.#stop(attempt, { cause: ask.cause, detail: ask.reason });
        link.tell(result(request));
        return;
      }
      case 'forget':
        for (const { run, epoch } of ask.attempts) this.#forget(keyOf(run, epoch));
        link.tell(result(request));
        return;
      case 'ping':
        journal.highestTerm = Math.max(journal.highestTerm, ask.highestTerm);
        link.tell({ kind: 'keeper_pong' });
        return;
      case 'read':
        return;
      case 'exit':
        link.tell(result(request));
        this.#end(ask.stopAll);
        return;
      default:
        unreachable(ask);
    }
  }

  /** Spend the epoch, shut the gate, write it down, look at the clocks, open the gate: keeper/core/start.ts. */
  #start(link: KeeperLink, request: RequestId, { command, deadline }: Extract<KeeperRequest, { kind: 'start' }>): void {
    const { host, random } = this.#world;
    const { spent } = host.directory.journal;
    const answer = (refusal: Refusal): void =>
      link.tell({ ...result(request), ok: false, reason: refusal.reason, detail: refusal.detail });
    if (spent.isSpent(command.run, command.epoch)) {
      answer({ reason: 'EPOCH_SPENT', detail: 'seen here before' });
      return;
    }
    spent.spend(command.run, command.epoch);
    if (this.#leaving || this.#ending) {
      answer({ reason: 'LEAVING', detail: 'the keeper is about to end' });
      return;
    }
    const attempt = newAttempt(command, deadline);
    this.#table.set(keyOf(command.run, command.epoch), attempt);
    this.#announce(attempt);
    this.#look(attempt);
    this.later(random.float() * 6, () => {
      const refusal = attempt.abandoned ?? this.#world.spawnProblem();
      if (refusal === undefined) this.later(random.float() * 15, () => this.#openGate(link, request, attempt, answer));
      else this.#fail(attempt, refusal, answer);
    });
  }

  #openGate(link: KeeperLink, request: RequestId, attempt: SimAttempt, answer: (refusal: Refusal) => void): void {
    const { host } = this.#world;
    const reading = host.clock.read(this.queue.now);
    // The check of semantics A9; between it and the program nothing waits.
    if (decide(attempt.stage, attempt.terms, attempt.deadline, reading).order === 'abandon') {
      attempt.abandoned ??= { reason: 'DEADLINE_PAST', detail: 'its deadline passed before the program could run' };
    }
    if (attempt.abandoned !== undefined) {
      this.#fail(attempt, attempt.abandoned, answer);
      return;
    }
    const { run, epoch, policy, frozen } = attempt;
    const { instanceId } = host.directory;
    attempt.pid = host.newPid();
    const tree = this.#world.startTree({ run, epoch, policy, terms: frozen, pid: attempt.pid, instanceId });
    attempt.tree = tree;
    attempt.stage = { kind: 'running' };
    attempt.startWall = reading.wall;
    tree.onEnd = () => this.take(() => this.#reaped(attempt));
    this.#write(attempt);
    this.#announce(attempt);
    link.tell({ ...result(request), pid: attempt.pid });
    this.#look(attempt);
  }

  #fail(attempt: SimAttempt, refusal: Refusal, answer: (refusal: Refusal) => void): void {
    attempt.reason ??= { cause: causeOf(refusal), detail: refusal.detail };
    this.#finish(attempt);
    answer(refusal);
  }

  #extend({ run, epoch, deadline: to }: Extract<KeeperRequest, { kind: 'extend' }>['extensions'][number]): boolean {
    const attempt = this.#table.get(keyOf(run, epoch));
    if (attempt === undefined || attempt.ended !== undefined) return false;
    const deadline = extended(attempt, to, this.clock.read(this.queue.now));
    if (deadline === undefined) return false;
    attempt.deadline = deadline;
    return true;
  }

  #stop(attempt: SimAttempt, reason: Reason): void {
    if (attempt.ended !== undefined) return;
    attempt.reason ??= reason;
    if (attempt.stage.kind === 'starting') attempt.abandoned ??= { reason: 'STOPPED', detail: reason.detail };
    else this.#apply(attempt, stopNow(attempt.stage, attempt.terms, attempt.deadline, this.clock.read(this.queue.now)));
  }

  #reaped(attempt: SimAttempt): void {
    attempt.reason ??= { cause: 'EXITED', detail: '' };
    this.#finish(attempt);
  }

  /** Its tree is empty, or there never was one. */
  #finish(attempt: SimAttempt): void {
    if (attempt.ended !== undefined) return;
    const { cause = 'EXITED', detail = '' } = attempt.reason ?? {};
    const exit = attempt.tree?.exit;
    const end = { cause, detail, exitCode: exit?.code, signal: exit?.signal ?? '' };
    attempt.ended = { end, wall: this.clock.wall(this.queue.now) };
    this.#write(attempt);
    this.#announce(attempt);
    if (this.#ending && this.#living().length === 0) this.die();
  }

  #forget(key: string): void {
    if (this.#table.get(key)?.ended === undefined) return;
    this.#table.delete(key);
    this.#world.host.directory.journal.attempts.delete(key);
  }

  #end(stopAll: boolean): void {
    this.#leaving = true;
    this.#ending = true;
    if (stopAll)
      for (const attempt of this.#living()) this.#stop(attempt, { cause: 'STOPPED', detail: 'the agent leaves' });
    if (this.#living().length === 0) this.later(1, () => this.die());
  }

  #living(): readonly SimAttempt[] {
    return [...this.#table.values()].filter(({ ended }) => ended === undefined);
  }

  #lookAtAll(): void {
    for (const attempt of this.#table.values()) this.#look(attempt);
  }

  #look(attempt: SimAttempt): void {
    if (attempt.ended !== undefined) return;
    const decision = decide(attempt.stage, attempt.terms, attempt.deadline, this.clock.read(this.queue.now));
    if (decision.order === 'abandon') {
      attempt.abandoned ??= { reason: 'DEADLINE_PAST', detail: 'its deadline passed before the program could run' };
      return;
    }
    if (decision.order !== 'nothing') attempt.reason ??= { cause: 'LAPSED', detail: 'its lease ended' };
    this.#apply(attempt, decision);
  }

  #apply(attempt: SimAttempt, { stage, order, wakeMs }: Decision): void {
    const before = stateOf(attempt);
    attempt.stage = stage;
    if (order !== 'nothing') this.#world.say(this.name, () => `${order} ${keyOf(attempt.run, attempt.epoch)}`);
    if (order === 'terminate') attempt.tree?.terminate();
    if (order === 'kill') attempt.tree?.kill();
    if (attempt.ended !== undefined) return;
    if (stateOf(attempt) !== before) this.#announce(attempt);
    this.#wakeIn(wakeMs);
  }

  #wakeIn(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    this.wakeNoLaterThan(this.clock.mono(this.queue.now) + Math.max(1, ms));
  }

  #announce(attempt: SimAttempt): void {
    this.#link?.tell({ kind: 'keeper_changed', attempt: keptOf(attempt) });
  }

  #write(attempt: SimAttempt): void {
    const { directory, bootId } = this.#world.host;
    directory.journal.attempts.set(keyOf(attempt.run, attempt.epoch), { kept: keptOf(attempt), bootId });
  }
}

const result = (request: RequestId) =>
  ({ kind: 'keeper_result', request, ok: true, reason: '', detail: '', pid: 0, refused: [] }) as const;
