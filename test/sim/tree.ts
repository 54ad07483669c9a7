/** Process trees: what a policy runs, as a host sees it. A tree lives until it ends by itself or is killed. */
import type { PolicyId, RunId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import type { EventQueue, Planned } from './event-queue.ts';
import type { Host } from './host.ts';

/** How the programs of a policy behave. */
export interface Behaviour {
  /** Share of trees that take no notice of SIGTERM. */
  readonly deafShare: number;
  /** The others end within this time of it. */
  readonly termMs: number;
  /** Mean time until they end by themselves; Infinity: never. */
  readonly meanLifeMs: number;
  /** Share of these ends that are failures. */
  readonly failShare: number;
}

export interface TreeExit {
  readonly code: number | undefined;
  readonly signal: string;
}

export interface TreeFacts {
  readonly run: RunId;
  readonly epoch: number;
  readonly policy: PolicyId;
  readonly terms: FrozenTerms;
  readonly pid: number;
  /** State directory that it belongs to. */
  readonly instanceId: string;
}

/** SIGKILL takes effect within this time: the worst case that K has to cover together with a stalled keeper. */
const KILL_TAKES_MS = 700;

export class Tree {
  readonly facts: TreeFacts;
  readonly host: Host;
  readonly startedAt: number;
  alive = true;
  endedAt: number | undefined;
  exit: TreeExit | undefined;
  /** It can't be killed before this time: a process in uninterruptible sleep. */
  unkillableUntil = 0;
  /** It lived through something that no lease can promise anything about (semantics 5). */
  outsideClaim = false;
  /** Told when it ends, if still there. */
  onEnd: (() => void) | undefined;
  readonly #queue: EventQueue;
  readonly #random: Prng;
  readonly #behaviour: Behaviour;
  #ending: Planned | undefined;
  #killed = false;
  #told = false;

  constructor(options: {
    readonly facts: TreeFacts;
    readonly host: Host;
    readonly queue: EventQueue;
    readonly random: Prng;
    readonly behaviour: Behaviour;
  }) {
    this.facts = options.facts;
    this.host = options.host;
    this.#queue = options.queue;
    this.#random = options.random;
    this.#behaviour = options.behaviour;
    this.startedAt = options.queue.now;
    const { meanLifeMs, failShare } = options.behaviour;
    if (meanLifeMs !== Number.POSITIVE_INFINITY) {
      const lifeMs = -Math.log(1 - this.#random.float()) * meanLifeMs;
      const code = this.#random.chance(failShare) ? 1 : 0;
      this.#endIn(lifeMs, { code, signal: '' });
    }
  }

  /** SIGTERM. */
  terminate(): void {
    if (!this.alive || this.#told) return;
    this.#told = true;
    if (this.#random.chance(this.#behaviour.deafShare)) return;
    this.#endIn(this.#random.float() * this.#behaviour.termMs, { code: 143, signal: '' });
  }

  /** SIGKILL to all of it. */
  kill(): void {
    if (!this.alive) return;
    if (!this.#killed) this.#queue.cancel(this.#ending);
    this.#killed = true;
    const waitMs = Math.max(0, this.unkillableUntil - this.#queue.now);
    this.#endIn(waitMs + this.#random.float() * KILL_TAKES_MS, { code: undefined, signal: 'SIGKILL' });
  }

  /** The machine lost its power, or was booted. */
  vanish(): void {
    this.#end({ code: undefined, signal: 'SIGKILL' });
  }

  /** It never ends by itself from now on. */
  calm(): void {
    if (!this.#killed && !this.#told) this.#queue.cancel(this.#ending);
  }

  #endIn(ms: number, exit: TreeExit): void {
    if (this.#ending?.act !== undefined && this.#ending.at <= this.#queue.now + ms) return;
    this.#queue.cancel(this.#ending);
    this.#ending = this.#queue.after(ms, () => {
      // A machine that stands still ends nothing.
      if (this.host.clock.state !== 'running') this.host.afterStandstill(() => this.#end(exit));
      else if (this.#queue.now < this.unkillableUntil) this.#endIn(this.unkillableUntil - this.#queue.now, exit);
      else this.#end(exit);
    });
  }

  #end(exit: TreeExit): void {
    if (!this.alive) return;
    this.alive = false;
    this.endedAt = this.#queue.now;
    this.exit = exit;
    this.host.trees.delete(this);
    this.host.watch.treeEnded(this);
    this.onEnd?.();
  }
}
