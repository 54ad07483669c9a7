/** The keeper's core on virtual time, with hands and a disk that do as a test says. */
import { Core } from '../../../keeper/core/core.ts';
import type { Effect } from '../../../keeper/core/effect.ts';
import type { Ask, Event, Left, StartRequest } from '../../../keeper/core/event.ts';
import { foldRecord, nothingRecovered, type Recovered } from '../../../keeper/core/record.ts';
import type { KeeperState } from '../../../keeper/core/state.ts';
import { deadlineAfter } from '../../../shared/lease-clock.ts';
import type { FrozenTerms } from '../../../shared/protocol/attempt.ts';

export const TERMS: FrozenTerms = { onDisconnect: 'STOP', leaseMs: 20_000, stopTimeoutMs: 10_000, killGuardMs: 5_000 };

type Kind = Effect['kind'];

export class VirtualKeeper {
  readonly #core: Core;
  readonly effects: Effect[] = [];
  /** What the disk has taken. */
  readonly written: Recovered;
  mono = 1_000;
  /** Boot time is ahead of monotonic time by the suspends so far. */
  suspendedMs = 0;
  /** What the disk answers; `never`: nothing. */
  disk: 'takes' | 'full' | 'never' = 'takes';
  /** Keys of trees that have a process. */
  readonly alive = new Set<string>();
  /** Kills do nothing. */
  unkillable = false;
  hands: string | undefined;
  memoryKill: string | undefined;
  /** A sweep finds nothing, and says so at once. Otherwise a test answers. */
  sweeps = true;
  #lastRequest = 0;

  constructor(recovered: Recovered = nothingRecovered(), bootId = 'boot-1') {
    this.written = recovered;
    this.#core = new Core({ bootId, recovered, idleMs: 30_000 }, this.now);
  }

  get state(): KeeperState {
    return this.#core.state;
  }

  get now() {
    return { mono: this.mono, boot: this.mono + this.suspendedMs, wall: 1_700_000_000_000 + this.mono };
  }

  /** A keeper that serves one agent. */
  static serving(): VirtualKeeper {
    const keeper = new VirtualKeeper();
    keeper.push({ kind: 'begin' });
    keeper.push({ kind: 'attached', agent: 1, description: 'the agent' });
    return keeper;
  }

  /** Handles an event and what its effects answer at once. */
  push(event: Event): void {
    const queue: Event[] = [event];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      this.#core.step(next, this.now);
      for (const effect of this.#core.flush(this.now)) {
        this.effects.push(effect);
        queue.push(...this.#perform(effect));
      }
    }
  }

  #perform(effect: Effect): readonly Event[] {
    switch (effect.kind) {
      case 'write':
        if (this.disk === 'takes') foldRecord(this.written, effect.record);
        if (effect.write === 0 || this.disk === 'never') return [];
        return [{ kind: 'written', write: effect.write, problem: this.#diskProblem() }];
      case 'prepare':
        return [
          { kind: 'prepared', attempt: effect.attempt, place: { pid: 77, startTicks: 5, cgroup: effect.attempt } },
        ];
      case 'open_gate':
        this.alive.add(effect.attempt);
        return [];
      case 'kill':
        if (!this.unkillable && this.alive.delete(effect.attempt)) return [this.reaped(effect.attempt, 'SIGKILL')];
        return [];
      case 'look':
        return [this.#looked(effect.attempt)];
      case 'sweep':
        return this.sweeps ? [this.swept()] : [];
      case 'prove_hands':
        return [{ kind: 'hands', agent: effect.agent, problem: this.hands }];
      case 'tell_opened':
      case 'tell_changed':
      case 'tell_problems':
      case 'tell_leaving':
      case 'answer':
      case 'pong':
      case 'disconnect':
      case 'discard':
      case 'terminate':
      case 'remove':
      case 'forget':
      case 'serve':
      case 'wake':
      case 'log':
      case 'end':
        return [];
    }
  }

  #looked(attempt: string): Event {
    return { kind: 'looked', attempt, empty: !this.alive.has(attempt), memoryKill: this.memoryKill };
  }

  #diskProblem() {
    return this.disk === 'full' ? ({ kind: 'NO_SPACE', detail: 'no space left on device' } as const) : undefined;
  }

  /** The driver has killed what it could, in all the time that it gives that. */
  swept(left: readonly Left[] = [], problem?: string): Event {
    return { kind: 'swept', left, problem };
  }

  reaped(attempt: string, signal = ''): Event {
    return { kind: 'reaped', attempt, exit: { code: signal === '' ? 0 : undefined, signal } };
  }

  ask(ask: Ask, agent = 1): number {
    this.#lastRequest += 1;
    this.push({ kind: 'asked', agent, request: this.#lastRequest, ask });
    return this.#lastRequest;
  }

  /** Starts epoch 1 of `job` unless told otherwise, with a lease from now. */
  start(more: Partial<StartRequest> = {}): number {
    const deadline = deadlineAfter(this.now, TERMS.leaseMs);
    return this.ask({
      ...{ kind: 'start', run: 'job', epoch: 1, policy: 'job', terms: TERMS, slots: 1, deadline, workload: undefined },
      ...more,
    });
  }

  extend(spanMs: number, run = 'job', epoch = 1): number {
    return this.ask({ kind: 'extend', extensions: [{ run, epoch, deadline: deadlineAfter(this.now, spanMs) }] });
  }

  /** Lets time pass, with the timer as the core asked for it. */
  advance(ms: number): void {
    const end = this.mono + ms;
    while (this.state.wakeAt <= end && this.state.phase.kind !== 'over') {
      this.mono = Math.max(this.mono + 1, this.state.wakeAt);
      this.push({ kind: 'tick' });
    }
    this.mono = Math.max(this.mono, end);
  }

  ofKind<K extends Kind>(kind: K): readonly Extract<Effect, { kind: K }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
  }

  answerTo(request: number) {
    return this.ofKind('answer').find((effect) => effect.request === request)?.answer;
  }

  attempt(key = 'job-1') {
    const attempt = this.state.attempts.get(key);
    if (attempt === undefined) throw new Error(`there is no ${key}`);
    return attempt;
  }
}
