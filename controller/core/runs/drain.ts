/** Drain: moves the runs of a server away, by priority, one at a time, each with a slot reserved elsewhere (semantics 12). */
import type { ServerId } from '../../../shared/ids.ts';
import { change } from '../cluster/change.ts';
import { type ClusterState, poolOf, serverLiveOf, serverOf } from '../cluster/cluster.ts';
import type { MovePlan, PlannedMove, PlannedStay } from '../cluster/event.ts';
import { runsIn } from '../cluster/run-lists.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { askOf } from '../placement/choose.ts';
import { Trial } from '../placement/trial.ts';
import { byNumber } from '../records/run-number.ts';
import type { Attempt, Drain, Policy, Run, Server } from '../records/state.ts';
import { currentAttempt, stopAttempt, unendedAttempts } from './attempt.ts';
import { holdOfPolicy } from './holds.ts';
import { beginMove, bestElsewhere, hasBudget, restingServer, whyNoneElsewhere } from './moves.ts';

export function pumpDrain(turn: Turn, server: Server): void {
  const { drain } = server;
  if (server.intent !== 'DRAINING' || drain === undefined || drain.done) return;
  const runs = runsHere(turn.state, server.id);
  if (runs.length === 0) {
    const message = `${server.id} is drained: every attempt is proven ended`;
    change(turn, server, { drain: { ...drain, done: true } }, { type: 'SERVER_DRAINED', cause: 'EMPTY', message });
    return;
  }
  if (drain.deadlineAge !== undefined) {
    if (turn.age >= drain.deadlineAge) stopTheRest(turn, server, runs);
    else turn.drainWheel.set(server.id, turn.monoAt(drain.deadlineAge));
  }
  moveNext(turn, server, runs);
}

/** Runs with an attempt here, by priority. */
function runsHere(state: ClusterState, id: ServerId): readonly Run[] {
  const runs = runsIn(state, serverLiveOf(state, id).runs);
  return runs.toSorted((a, b) => b.priority - a.priority || byNumber(a.id, b.id));
}

/** A tree that can't be killed holds up nobody else. */
const isBeingStopped = (attempt: Attempt | undefined): boolean =>
  attempt?.stopReason !== undefined && attempt.state.kind !== 'STUCK';

function moveNext(turn: Turn, server: Server, runs: readonly Run[]): void {
  const underWay = runs.some((run) => run.reservation?.from === server.id || isBeingStopped(currentAttempt(run)));
  if (underWay) return;
  for (const run of runs) {
    const policy = turn.state.policies.get(run.policy);
    if (policy === undefined || restingServer(run) !== server.id || mayFinish(policy, server.drain)) continue;
    const target = bestElsewhere(turn, run, policy, server.id);
    if (target !== undefined && hasBudget(turn.state, server.pool, server.id, target)) {
      beginMove(turn, run, server.id, target, 'DRAIN');
      return;
    }
  }
}

/** What is stopped is what runs here; a run that was left behind here (OVERLAP) may stand on another server by now. */
function stopTheRest(turn: Turn, server: Server, runs: readonly Run[]): void {
  for (const run of runs) {
    for (const attempt of unendedAttempts(run)) {
      if (attempt.server !== server.id) continue;
      stopAttempt(turn, run, attempt, 'DRAIN_DEADLINE', 'the deadline of the drain has come');
    }
  }
}

/** It is waited for, not moved. */
const mayFinish = ({ spec }: Policy, drain: Pick<Drain, 'letFinish'> | undefined): boolean =>
  drain?.letFinish === true && spec.trigger.kind !== 'continuous';

/** What a drain would move, and what has no room elsewhere, or may finish. */
export function planDrain(turn: View, server: Server, letFinish: boolean): MovePlan {
  const moves: PlannedMove[] = [];
  const stays: PlannedStay[] = [];
  const trial = new Trial(turn.state, poolOf(turn.state, server.pool).order);
  for (const run of runsHere(turn.state, server.id)) {
    const policy = turn.state.policies.get(run.policy);
    if (policy === undefined || restingServer(run) !== server.id) continue;
    if (mayFinish(policy, { letFinish })) {
      stays.push({ run: run.id, policy: policy.id, server: server.id, reason: 'it may finish there' });
      continue;
    }
    const { query } = askOf(turn.state, policy, run, turn.age, { from: server.id });
    const to = holdOfPolicy(turn, policy) === undefined ? trial.index.choose(query) : undefined;
    if (to === undefined) {
      const reason = whyNoneElsewhere(turn, run, policy, server.id, trial);
      stays.push({ run: run.id, policy: policy.id, server: server.id, reason });
      continue;
    }
    trial.take(to, run.slots);
    moves.push({ run: run.id, policy: policy.id, from: server.id, to });
  }
  return { moves, stays };
}

/** Runs that a drain can't move now, each with its reason. */
export function drainBlockers(
  turn: View,
  id: ServerId,
): readonly { readonly run: Run['id']; readonly reason: string }[] {
  const server = serverOf(turn.state, id);
  if (server.intent !== 'DRAINING' || server.drain?.done === true) return [];
  return runsHere(turn.state, id).flatMap((run) => {
    const policy = turn.state.policies.get(run.policy);
    if (policy === undefined || currentAttempt(run)?.stopReason !== undefined) return [];
    if (mayFinish(policy, server.drain)) return [];
    if (restingServer(run) !== id) return [{ run: run.id, reason: `it is ${run.state.kind}: ${run.state.message}` }];
    if (bestElsewhere(turn, run, policy, id) !== undefined) return [];
    return [{ run: run.id, reason: whyNoneElsewhere(turn, run, policy, id) }];
  });
}
