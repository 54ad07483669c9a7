/** Runs in the order in which they were created: `job-9` before `job-10`. */
import type { RunId } from '../../../shared/ids.ts';

/** An id is that of the policy and a number; one without a number comes first. */
const numberOf = (run: RunId): number => Number(/\d+$/.exec(run)?.[0] ?? -1);

/** For sorting; total, since ids are unique. */
export function byNumber(a: RunId, b: RunId): number {
  return numberOf(a) - numberOf(b) || (a < b ? -1 : a > b ? 1 : 0);
}
