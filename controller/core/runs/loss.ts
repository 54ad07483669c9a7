/**
 * What the loss of servers would do, played through on a trial: which of their runs would go where, and which would wait, and why. Nothing is
 * changed. Behind a closed gate nothing is counted on: that a sick server may still take a run is no plan.
 */
import type { PolicyId, PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import { poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { PlannedMove } from '../cluster/event.ts';
import { runsIn } from '../cluster/run-lists.ts';
import type { View } from '../cluster/turn.ts';
import { compareEntries } from '../indexes/queue.ts';
import { askOf } from '../placement/choose.ts';
import { whyNowhere } from '../placement/placement-text.ts';
import { Trial } from '../placement/trial.ts';
import { isEnded, type ReasonIn } from '../records/run-state.ts';
import type { Policy, Run, Server } from '../records/state.ts';
import { currentAttempt } from './attempt.ts';
import { holdOfPolicy } from './holds.ts';

/** A run that would have no server. */
export interface PlannedWait {
  readonly run: RunId;
  readonly policy: PolicyId;
  /** The server that was lost with it. */
  readonly from: ServerId;
  /** As the reason of a run that waits so. */
  readonly reason: ReasonIn<'QUEUED'> | 'HOLD';
  readonly message: string;
}

export interface LossPlan {
  readonly takeovers: readonly PlannedMove[];
  readonly waits: readonly PlannedWait[];
}

/** Of servers that are there, in the order in which their runs would be placed. */
export function planLoss(view: View, lost: readonly Server[]): LossPlan {
  const byPool = Map.groupBy(lost, ({ pool }) => pool);
  const plans = [...byPool].map(([pool, servers]) => planLossIn(view, pool, new Set(servers.map(({ id }) => id))));
  return { takeovers: plans.flatMap((plan) => plan.takeovers), waits: plans.flatMap((plan) => plan.waits) };
}

function planLossIn(view: View, pool: PoolId, lost: ReadonlySet<ServerId>): LossPlan {
  const { state } = view;
  const trial = new Trial(state, poolOf(state, pool).order, lost);
  const takeovers: PlannedMove[] = [];
  const waits: PlannedWait[] = [];
  for (const { run, policy, from } of runsLost(view, lost)) {
    const about = { run: run.id, policy: policy.id, from };
    const hold = holdIn(view, policy, from);
    const ask = askOf(state, policy, run, view.age, { order: trial.index });
    const to = hold === undefined ? trial.index.choose(ask.query) : undefined;
    if (to === undefined) {
      waits.push({ ...about, ...(hold ?? whyNowhere(trial, ask, { age: view.age })) });
      continue;
    }
    trial.take(to, run.slots);
    takeovers.push({ ...about, to });
  }
  return { takeovers, waits };
}

interface LostRun {
  readonly run: Run;
  readonly policy: Policy;
  readonly from: ServerId;
}

/** As the queue would serve them: all come into it at once, each to be recovered. */
function runsLost({ state, age }: View, lost: ReadonlySet<ServerId>): readonly LostRun[] {
  const found = [...lost].flatMap((from) =>
    runsIn(state, serverLiveOf(state, from).runs).flatMap((run): LostRun[] => {
      const policy = state.policies.get(run.policy);
      const isThere = currentAttempt(run)?.server === from && !isEnded(run) && run.desired === 'RUNNING';
      return policy === undefined || !isThere ? [] : [{ run, policy, from }];
    }),
  );
  const entryOf = ({ run }: LostRun) =>
    ({ run: run.id, priority: run.priority, slots: run.slots, cause: 'RECOVERY', sinceAge: age }) as const;
  return found.toSorted((a, b) => compareEntries(entryOf(a), entryOf(b), age));
}

function holdIn(view: View, policy: Policy, from: ServerId): Pick<PlannedWait, 'reason' | 'message'> | undefined {
  const hold = holdOfPolicy(view, policy);
  if (hold !== undefined) return hold;
  if (policy.spec.onDisconnect !== 'HOLD') return undefined;
  const message = `HOLD needs a proof that it ended there: the return of ${from} or, if its host is dead, locum server confirm-dead ${from}`;
  return { reason: 'HOLD', message };
}
