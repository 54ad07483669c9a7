/**
 * What the health checks of an attempt say, and what follows (semantics 7c): one that is unhealthy for too long counts as missing. Its agent
 * judges the checks; here it is judged for how long that may last. The old attempt is stopped and proven ended like any other before the
 * run is placed again, so a check can cost a run its place and never makes it run twice.
 */
import type { ReportedHealth } from '../../../shared/protocol/health-check.ts';
import { SECOND } from '../../../shared/time.ts';
import { changeAttempt } from '../cluster/change.ts';
import { type ClusterState, poolOf, serverOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import type { Attempt, Run } from '../records/state.ts';
import { stopAttempt } from './attempt.ts';

/** Takes in what its agent says. The detail of a state that goes on is no news. */
export function noteHealth(turn: Turn, run: Run, attempt: Attempt, reported: ReportedHealth | undefined): void {
  if (reported === undefined || reported.state === attempt.health?.state) return;
  const type = reported.state === 'UNHEALTHY' ? 'RUN_UNHEALTHY' : 'RUN_HEALTHY';
  const isFirst = attempt.health === undefined;
  const health = { ...reported, sinceWall: turn.now.wall, sinceAge: turn.age };
  const where = `${run.id} on ${attempt.server} (epoch ${attempt.epoch})`;
  const message =
    reported.state === 'UNHEALTHY'
      ? `${where} is unhealthy: ${reported.detail}`
      : `${where} is healthy${isFirst ? '' : ' again'}`;
  changeAttempt(turn, run, attempt, { health }, { type, cause: 'HEALTH_CHECK', message });
}

/** At which age of the cluster a run that is unhealthy counts as missing. Undefined: it is not, or its policy asks for no checks any more. */
export function unhealthyUntilAge(state: ClusterState, run: Run, attempt: Attempt): number | undefined {
  const check = state.policies.get(run.policy)?.spec.healthCheck;
  if (check === undefined || attempt.health?.state !== 'UNHEALTHY') return undefined;
  return attempt.health.sinceAge + (check.missingAfterMs ?? poolOf(state, run.pool).timers.missingAfterMs);
}

/** True: it was told to stop. Of a server that is not heard nobody knows what became of its runs: silence is judged by itself. */
export function stopUnhealthy(turn: Turn, run: Run, attempt: Attempt): boolean {
  const untilAge = unhealthyUntilAge(turn.state, run, attempt);
  if (untilAge === undefined || serverOf(turn.state, attempt.server).liveness !== 'ALIVE') return false;
  if (turn.age < untilAge) {
    turn.wakeRunAtAge(run.id, untilAge);
    return false;
  }
  const { detail = '', sinceAge = turn.age } = attempt.health ?? {};
  const seconds = Math.round((turn.age - sinceAge) / SECOND);
  stopAttempt(turn, run, attempt, 'UNHEALTHY', `it was unhealthy for ${seconds} s: ${detail}`);
  return true;
}
