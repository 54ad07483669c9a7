/** I6, as it is told: where each queued run would go now, and what is said of every server that it would not go to, against the rules. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { askOf, choose, decide, serversNow } from '../../../controller/core/placement/choose.ts';
import { obstacleAt } from '../../../controller/core/placement/obstacle.ts';
import type { RunStateName } from '../../../controller/core/records/run-state.ts';
import type { Policy, Run } from '../../../controller/core/records/state.ts';
import { explainPlacement, runsOf } from '../../../controller/core/views.ts';
import type { Now } from '../../../shared/time.ts';
import { chooseByObstacles, whyNotThere } from './naive-placement.ts';

/** What is wrong, a sentence each. */
export function queueProblems(state: ClusterState, age: number): readonly string[] {
  return [...state.runs.values()].flatMap((run) => {
    const policy = run.state.kind === 'QUEUED' ? state.policies.get(run.policy) : undefined;
    return policy === undefined ? [] : problemsOf(state, { policy, run, age });
  });
}

/** Starts that an explanation promises while a run waits all the same, once a tick has settled: each had been made in it. */
export function brokenPromises(state: ClusterState, now: Now): readonly string[] {
  return [...state.policies.values()].flatMap((policy) => {
    const waiting = runsOf(state, policy).find((run) => run.desired === 'RUNNING' && !STANDS.has(run.state.kind));
    const { chosen } = waiting === undefined ? {} : explainPlacement(state, policy, now);
    if (waiting === undefined || chosen === undefined) return [];
    return [`${waiting.id} is told to start on ${chosen}, and is ${waiting.state.kind} (${waiting.state.reason})`];
  });
}

const STANDS: ReadonlySet<RunStateName> = new Set(['ASSIGNED', 'STARTING', 'RUNNING']);

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
