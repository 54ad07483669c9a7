import { MemoryStore } from '../../../controller/store/memory.ts';
import type { Batch, CommitOutcome } from '../../../controller/store/store.ts';

/** A memory store that fails as told: each entry is the outcome of one commit, `pass` goes through. */
export class FailingStore extends MemoryStore {
  readonly plan: ('pass' | CommitOutcome)[] = [];
  readonly commits: number[] = [];
  verifications: (boolean | Error)[] = [];
  /** What `lastCommit` answers; undefined: the truth. */
  last: (() => Promise<number>) | undefined;

  override async commit(batch: Batch): Promise<CommitOutcome> {
    this.commits.push(batch.number);
    const planned = this.plan.shift() ?? 'pass';
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
