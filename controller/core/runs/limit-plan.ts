/** What another limit of a server would start there, played through on a trial. Nothing is changed, and a lower limit stops nothing. */
import type { PolicyId, RunId } from '../../../shared/ids.ts';
import { poolLiveOf, poolOf } from '../cluster/cluster.ts';
import type { View } from '../cluster/turn.ts';
import { effectiveMaxSlots } from '../placement/capacity.ts';
import { askOf } from '../placement/choose.ts';
import { Trial } from '../placement/trial.ts';
import type { Server } from '../records/state.ts';
import { holdOf } from './holds.ts';

export interface PlannedStart {
  readonly run: RunId;
  readonly policy: PolicyId;
}

/** Runs of the queue that would start there, in the order in which they are served. `limited`: the server as it would be. */
export function startsWithLimit(view: View, limited: Server): readonly PlannedStart[] {
  const { state, age } = view;
  const { id, pool } = limited;
  const more = effectiveMaxSlots(state, limited) - slotsNow(view, limited);
  if (more <= 0) return [];
  const trial = new Trial(state, poolOf(state, pool).order);
  trial.take(id, -more);
  const starts: PlannedStart[] = [];
  for (const { run: runId } of poolLiveOf(state, pool).queue.ordered(age)) {
    const run = state.runs.get(runId);
    const policy = run === undefined ? undefined : state.policies.get(run.policy);
    if (run === undefined || policy === undefined || holdOf(view, policy, run) !== undefined) continue;
    const to = trial.index.choose(askOf(state, policy, run, age, { order: trial.index }).query);
    if (to === undefined) continue;
    trial.take(to, run.slots);
    if (to === id) starts.push({ run: run.id, policy: policy.id });
  }
  return starts;
}

function slotsNow({ state }: View, { id }: Server): number {
  const server = state.servers.get(id);
  return server === undefined ? 0 : effectiveMaxSlots(state, server);
}
