import { MemoryStore } from '../../../controller/store/memory.ts';
import type { Batch, CommitOutcome } from '../../../controller/store/store.ts';

type Planned = 'pass' | CommitOutcome;

/** A memory store that fails as told: each entry is the outcome of one commit, at once or later; `pass` goes through. */
export class FailingStore extends MemoryStore {
  readonly plan: (Planned | Promise<Planned>)[] = [];
  readonly commits: number[] = [];
  verifications: (boolean | Error)[] = [];
  /** What `lastCommit` answers; undefined: the truth. */
  last: (() => Promise<number>) | undefined;

  override async commit(batch: Batch): Promise<CommitOutcome> {
    this.commits.push(batch.number);
    const planned = (await this.plan.shift()) ?? 'pass';
    return planned === 'pass' ? super.commit(batch) : planned;
  }

  override async verifyTerm(term: number): Promise<boolean> {
    const planned = this.verifications.shift() ?? true;
    if (planned instanceof Error) throw planned;
    return planned && super.verifyTerm(term);
  }

  override async lastCommit(term: number): Promise<number> {
    return this.last?.() ?? super.lastCommit(term);
  }
}
