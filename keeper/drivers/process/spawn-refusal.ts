/** Why a process could not be started, by the error of the system. */
import { messageOf } from '../../../shared/caught-error.ts';
import { hostProblemOf } from '../../../shared/host-problem-of.ts';
import { type Refusal, refuse, refuseFor } from '../../core/refusal.ts';

/** Why nothing could be started. */
export function spawnRefusal(error: unknown): Refusal {
  const problem = hostProblemOf(error);
  return problem === undefined ? refuse('SPAWN_FAILED', messageOf(error)) : refuseFor(problem);
}
