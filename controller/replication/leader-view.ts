/**
 * Who leads, as this controller sees it: followed by a watch, and asked for again every few seconds, which also tells whether the
 * store answers at all. It may be late; whoever acts on it is told so by the one that it points to.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/caught-error.ts';
import type { Logger } from '../../shared/log.ts';
import type { LeaderSeen, Store } from '../store/store.ts';
import { decodeCandidate, type KnownLeader } from './candidate.ts';

export interface LeaderViewOptions {
  readonly store: Pick<Store, 'leader' | 'observe'>;
  readonly log: Logger;
  /** Time between two questions to the store. Default 2 s. */
  readonly askMs?: number;
}

export class LeaderView {
  readonly #options: LeaderViewOptions;
  readonly #listeners = new Set<() => void>();
  #leader: KnownLeader | undefined;
  #problem: string | undefined;
  #doubtedTerm = 0;

  constructor(options: LeaderViewOptions) {
    this.#options = options;
  }

  /** Undefined: nobody, or nobody knows. */
  get leader(): KnownLeader | undefined {
    return this.#leader;
  }

  /** Whether the connection to the leader has just broken, and it is not yet known why. Nobody should be sent there. */
  get isDoubted(): boolean {
    return this.#leader?.term === this.#doubtedTerm;
  }

  /** Doubts the leader of a term, or believes in it again (0). */
  doubt(term: number): void {
    if (this.#doubtedTerm === term) return;
    this.#doubtedTerm = term;
    this.#tell();
  }

  /** Why the store did not answer the last question; undefined: it did. */
  get storeProblem(): string | undefined {
    return this.#problem;
  }

  /** Looks after each change, until the signal aborts. */
  watch(look: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(look);
    signal.addEventListener('abort', () => this.#listeners.delete(look), { once: true });
  }

  /** Something that listeners look at together with the leader has changed: whether this controller leads. */
  touch(): void {
    this.#tell();
  }

  /** Follows until the signal aborts. */
  start(signal: AbortSignal): void {
    void this.#watch(signal);
    void this.#ask(signal);
  }

  /** Resolves with what `look` finds, now or after a change; with undefined when the signal aborts first. */
  async when<T>(look: () => T | undefined, signal: AbortSignal): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    const done = new AbortController();
    const check = (): void => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    const giveUp = (): void => resolve(undefined);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    this.watch(check, done.signal);
    check();
    try {
      return await promise;
    } finally {
      done.abort();
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const leader of this.#options.store.observe(signal)) this.#set(leader);
      } catch (error) {
        this.#options.log.debug({ err: error }, 'the watch of the leader broke');
      }
      await pause(500, signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { store, askMs = 2_000 } = this.#options;
    while (!signal.aborted) {
      try {
        const leader = await store.leader();
        if (!signal.aborted) this.#set(leader, { problem: undefined });
      } catch (error) {
        const problem = messageOf(error);
        if (!signal.aborted) this.#setProblem(problem);
      }
      await pause(askMs, signal);
    }
  }

  /** Terms only rise: an answer that was overtaken by a later one on its way counts for nothing. */
  #set(seen: LeaderSeen | undefined, answered?: { readonly problem: undefined }): void {
    const before = this.#leader;
    const hadProblem = this.#problem !== undefined;
    if (answered !== undefined) this.#problem = undefined;
    if (seen === undefined) this.#leader = undefined;
    else if (before === undefined || seen.term > before.term) {
      this.#leader = { ...decodeCandidate(seen.candidate), term: seen.term };
    }
    if (hadProblem && this.#problem === undefined) this.#options.log.info('the store answers again');
    if (before !== this.#leader || hadProblem !== (this.#problem !== undefined)) this.#tell();
  }

  #setProblem(problem: string): void {
    const known = this.#problem !== undefined;
    this.#problem = problem;
    if (known) return;
    this.#options.log.error(`the store does not answer: ${problem}`);
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
}
