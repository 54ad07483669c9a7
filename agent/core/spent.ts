/**
 * Epochs that are used up on this server (semantics: A3). Whatever became of a start, its epoch and every lower one of its run
 * never run here later: a start that was refused may arrive twice, and the second must not run while the run lives elsewhere.
 */
import type { Epoch, RunId } from '../../shared/ids.ts';

/** Runs that are kept one by one. */
const MAX_RUNS = 10_000;

export interface SpentEpochs<Answer> {
  /** Newest epoch of each run, oldest entry first, and how its start was answered; undefined while that is open. */
  readonly runs: Map<RunId, { readonly epoch: Epoch; answer: Answer | undefined }>;
  /**
   * Epochs up to this one are spent for every run without an entry: the highest of the entries that were dropped. They come from
   * one cluster-wide counter, so nothing that is really new is below it.
   */
  floor: number;
}

export const emptySpent = <Answer>(): SpentEpochs<Answer> => ({ runs: new Map(), floor: 0 });

export function isSpent(spent: SpentEpochs<unknown>, run: RunId, epoch: Epoch): boolean {
  return epoch <= (spent.runs.get(run)?.epoch ?? spent.floor);
}

/** Spends an epoch and every lower one of the run. `answer` stays open until `settle` where it is undefined. */
export function spend<Answer>(spent: SpentEpochs<Answer>, run: RunId, epoch: Epoch, answer: Answer | undefined): void {
  if ((spent.runs.get(run)?.epoch ?? 0) >= epoch) return;
  // Deleted first, so that the map stays in the order of last use.
  spent.runs.delete(run);
  spent.runs.set(run, { epoch, answer });
  for (const [oldest, entry] of spent.runs) {
    if (spent.runs.size <= MAX_RUNS) return;
    spent.runs.delete(oldest);
    spent.floor = Math.max(spent.floor, entry.epoch);
  }
}

/** Records how the start with this epoch was answered, once. */
export function settle<Answer>(spent: SpentEpochs<Answer>, run: RunId, epoch: Epoch, answer: Answer): void {
  const entry = spent.runs.get(run);
  if (entry?.epoch === epoch) entry.answer ??= answer;
}
