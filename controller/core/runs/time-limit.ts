/** How long an attempt may take (semantics 7). */
import { SECOND } from '../../../shared/time.ts';
import { change } from '../cluster/change.ts';
import { serverOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import type { Attempt, Run } from '../records/state.ts';

/**
 * What takes longer than its policy allows is wanted no more, and has failed; the look that follows stops it. Of a server that is not heard
 * nobody knows what still runs: the lease ends it, or its return has it looked at again.
 */
export function endAtTimeLimit(turn: Turn, run: Run, attempt: Attempt): boolean {
  const limitMs = turn.state.policies.get(run.policy)?.spec.timeLimitMs;
  if (limitMs === undefined || serverOf(turn.state, attempt.server).liveness !== 'ALIVE') return false;
  const endAge = attempt.assignAge + limitMs;
  if (turn.age < endAge) {
    turn.wakeRunAtAge(run.id, endAge);
    return false;
  }
  const message = `epoch ${attempt.epoch} took longer than ${limitMs / SECOND} s`;
  const outcome = { kind: 'FAILED', reason: 'TIME_LIMIT', message } as const;
  const text = `${run.id} is wanted no more: ${message}, the time limit of its policy`;
  change(
    turn,
    run,
    { desired: 'STOPPED', outcome },
    { type: 'RUN_STOP_REQUESTED', cause: 'TIME_LIMIT', message: text },
  );
  return true;
}
