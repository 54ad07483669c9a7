/** What a change of a policy will do to its runs, said before it is made. It decides nothing: upkeep, placement and moves do, later. */

import { deepEqual } from '../../../shared/deep-equal.ts';
import { serverOf } from '../cluster/cluster.ts';
import type { RunEffect } from '../cluster/event.ts';
import { runsOf } from '../cluster/run-lists.ts';
import type { View } from '../cluster/turn.ts';
import { mayUse } from '../indexes/placement-query.ts';
import { policyList } from '../placement/effective-list.ts';
import { lackText } from '../placement/obstacle.ts';
import { capabilityMap, type Requirement, satisfies } from '../records/capability.ts';
import type { Policy, PolicySpec, Run } from '../records/state.ts';
import { holdOfPolicy } from '../runs/holds.ts';
import { restingServer } from '../runs/moves.ts';
import { surplusOf } from '../runs/upkeep.ts';

/** A policy as it would be. */
export interface ChangedPolicy {
  readonly policy: Policy;
  readonly spec: PolicySpec;
  readonly requirements: readonly Requirement[];
}

/** Of a policy that does not exist yet: `policy` has no runs. */
export function effectsOf(turn: View, { policy, spec, requirements }: ChangedPolicy): readonly RunEffect[] {
  const runs = turn.state.policyLive.has(policy.id) ? runsOf(turn.state, policy) : [];
  const effects: RunEffect[] = [];
  const wanted = spec.trigger.kind === 'continuous' ? surplusOf({ spec, paused: policy.paused }, runs) : undefined;
  const stopped = new Set(wanted?.tooMany);
  for (const run of runs) {
    const effect = stopped.has(run) ? TOO_MANY : effectOn(turn, run, { policy, spec, requirements });
    if (effect !== undefined) effects.push({ run: run.id, ...effect });
  }
  if (wanted !== undefined && wanted.tooFew > 0) {
    effects.push({ run: undefined, effect: 'START', message: startText(turn, { ...policy, spec }, wanted.tooFew) });
  }
  return effects;
}

/** A plan promises no start that is held back. */
function startText(view: View, policy: Policy, count: number): string {
  const which = count === 1 ? 'one run starts' : `${count} runs start`;
  const hold = holdOfPolicy(view, policy);
  return hold === undefined ? which : `${which}, but not now (${hold.reason}): ${hold.message}`;
}

type Effect = Omit<RunEffect, 'run'>;

const TOO_MANY: Effect = { effect: 'STOP', message: 'stops: the policy allows fewer runs now' };

function effectOn(turn: View, run: Run, { policy, spec, requirements }: ChangedPolicy): Effect | undefined {
  const on = restingServer(run);
  if (on === undefined || run.desired === 'STOPPED') return undefined;
  const { capabilities } = serverOf(turn.state, on);
  const byName = capabilityMap(capabilities);
  if (spec.onCapabilityLoss !== 'IGNORE' && !requirements.every((requirement) => satisfies(requirement, byName))) {
    const because = `${on} ${lackText(requirements, capabilities)}`;
    if (spec.onCapabilityLoss === 'STOP') return { effect: 'STOP', message: `stops in 60 s: ${because}` };
    return { effect: 'MOVE', message: `moves in 60 s to a server that has room, if there is one: ${because}` };
  }
  if (!mayUse(policyList(spec), on)) {
    return { effect: 'KEEP', message: `stays on ${on}, which is not in its list, until its next attempt` };
  }
  if (spec.trigger.kind !== 'continuous' && policy.spec.trigger.kind === 'continuous') {
    return { effect: 'KEEP', message: 'goes on; it is not started again once it has ended' };
  }
  return sameAttempt(policy.spec, spec)
    ? undefined
    : { effect: 'KEEP', message: 'keeps its terms until its next attempt' };
}

/** Whether an attempt would be the same one under both. */
function sameAttempt(before: PolicySpec, after: PolicySpec): boolean {
  const terms = ({ workload, onDisconnect, stopTimeoutMs, slots }: PolicySpec) => ({
    workload,
    onDisconnect,
    stopTimeoutMs,
    slots,
  });
  return deepEqual(terms(before), terms(after));
}
