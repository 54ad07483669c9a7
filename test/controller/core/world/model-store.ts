/** A store of the model world: keeps copies of records, and answers commits and checks at once, later, or when it is let. */
import type { RecordWrite } from '../../../../controller/core/cluster/effect.ts';
import type { FromShell } from '../../../../controller/core/cluster/event.ts';
import type { StateRecord } from '../../../../controller/core/records/state.ts';
import type { ModelTime } from './model-time.ts';

export interface ModelStoreOptions {
  readonly time: ModelTime;
  /** Milliseconds that each commit and each check takes. */
  readonly latencyMs: () => number;
}

interface Waiting {
  readonly act: () => void;
}

export class ModelStore {
  readonly #options: ModelStoreOptions;
  readonly #records = new Map<string, StateRecord>();
  #saved: readonly (readonly [string, StateRecord])[] = [];
  #commitsHeld: Waiting[] | undefined;
  #checksHeld: Waiting[] | undefined;
  /** Leaders count up; what an earlier one has under way is forgotten. */
  #life = 0;
  #lastCommitAtMono = 0;
  term = 0;
  /** Commits and writes that became durable. */
  commits = 0;
  writes = 0;

  constructor(options: ModelStoreOptions) {
    this.#options = options;
  }

  /** A new leader: what the last one had not committed is lost. */
  elect(): { readonly term: number; readonly records: readonly StateRecord[] } {
    this.#life += 1;
    this.term += 1;
    if (this.#commitsHeld !== undefined) this.#commitsHeld = [];
    if (this.#checksHeld !== undefined) this.#checksHeld = [];
    return { term: this.term, records: structuredClone([...this.#records.values()]) };
  }

  /** A snapshot of what is durable now. */
  save(): void {
    this.#saved = structuredClone([...this.#records]);
  }

  /** What is durable is again what it was at the time of the snapshot. */
  restore(): void {
    this.#records.clear();
    for (const [key, record] of structuredClone(this.#saved)) this.#records.set(key, record);
  }

  /** Forgets what is under way: its leader is gone. */
  crash(): void {
    this.#life += 1;
    if (this.#commitsHeld !== undefined) this.#commitsHeld = [];
    if (this.#checksHeld !== undefined) this.#checksHeld = [];
  }

  holdCommits(): void {
    this.#commitsHeld ??= [];
  }

  holdChecks(): void {
    this.#checksHeld ??= [];
  }

  releaseCommits(): void {
    const held = this.#commitsHeld ?? [];
    this.#commitsHeld = undefined;
    for (const { act } of held) act();
  }

  releaseChecks(): void {
    const held = this.#checksHeld ?? [];
    this.#checksHeld = undefined;
    for (const { act } of held) act();
  }

  commit(commit: number, records: readonly RecordWrite[], post: (event: FromShell) => void): void {
    // The records are live objects of the core: copied now, as the real shell encodes them now.
    const writes = structuredClone(records);
    const life = this.#life;
    const act = (): void => {
      if (life !== this.#life) return;
      for (const write of writes) {
        if (write.kind === 'put') this.#records.set(write.key, write.record);
        else this.#records.delete(write.key);
      }
      this.commits += 1;
      this.writes += writes.length;
      post({ kind: 'committed', commit });
    };
    if (this.#commitsHeld !== undefined) {
      this.#commitsHeld.push({ act });
      return;
    }
    const { time, latencyMs } = this.#options;
    // Commits end in their order.
    this.#lastCommitAtMono = Math.max(this.#lastCommitAtMono, time.now.mono + latencyMs());
    time.plan(this.#lastCommitAtMono, act);
  }

  verify(check: number, post: (event: FromShell) => void): void {
    const life = this.#life;
    const act = (): void => {
      if (life === this.#life) post({ kind: 'term_verified', check });
    };
    const { time, latencyMs } = this.#options;
    if (this.#checksHeld === undefined) time.plan(time.now.mono + latencyMs(), act);
    else this.#checksHeld.push({ act });
  }
}
