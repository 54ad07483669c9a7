/** I6, as it is told: where each queued run would go now, and what is said of every server that it would not go to, against the rules. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { askOf, choose, decide, serversNow } from '../../../controller/core/placement/choose.ts';
import { obstacleAt } from '../../../controller/core/placement/obstacle.ts';
import type { Policy, Run } from '../../../controller/core/records/state.ts';
import { chooseByObstacles, whyNotThere } from './naive-placement.ts';

/** What is wrong, a sentence each. */
export function queueProblems(state: ClusterState, age: number): readonly string[] {
  return [...state.runs.values()].flatMap((run) => {
    const policy = run.state === 'QUEUED' ? state.policies.get(run.policy) : undefined;
    return policy === undefined ? [] : problemsOf(state, { policy, run, age });
  });
}

interface Asking {
  readonly policy: Policy;
  readonly run: Run;
  readonly age: number;
}

function problemsOf(state: ClusterState, asking: Asking): readonly string[] {
  const { policy, run, age } = asking;
  const servers = serversNow(state, policy);
  const ask = askOf(state, policy, run, age);
  const { isLastResort } = decide(servers, ask.query);
  const [chosen, expected] = [choose(servers, ask)?.server, chooseByObstacles(state, asking)];
  const wrongly = [...state.servers.keys()].flatMap((id) => {
    const told = obstacleAt(ask, id, servers.viewOf(id), isLastResort)?.reason;
    const rule = whyNotThere(state, asking, id);
    return told === rule ? [] : [`of ${id}, ${run.id} is told ${told} where the rules say ${rule}`];
  });
  if (chosen !== expected) return [`${run.id} would go to ${chosen} where the rules say ${expected}`, ...wrongly];
  return wrongly;
}
