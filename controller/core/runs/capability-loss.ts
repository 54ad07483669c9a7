/** A required capability lost while running: after 60 s of confirmed loss the run moves or stops (semantics 8). */
import type { ServerId } from '../../../shared/ids.ts';
import { MINUTE } from '../../../shared/time.ts';
import { type ClusterState, policyLiveOf, runLiveOf, serverOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { meetsRequirements } from '../placement/capacity.ts';
import { lackText } from '../placement/obstacle.ts';
import type { Policy, Run } from '../records/state.ts';
import { currentAttempt, stopAttempt } from './attempt.ts';
import { beginMove, bestElsewhere, restingServer, whyNoneElsewhere } from './moves.ts';

const CONFIRM_MS = MINUTE;

export function judgeCapabilities(turn: Turn, run: Run): void {
  const { state, now } = turn;
  const policy = state.policies.get(run.policy);
  const from = restingServer(run);
  if (policy === undefined || from === undefined) return;
  if (policy.spec.onCapabilityLoss === 'IGNORE' || meetsRequirements(state, policy, serverOf(state, from))) {
    const known = state.runLive.get(run.id);
    if (known !== undefined) [known.capabilityLostMono, known.blockedReason] = [undefined, undefined];
    return;
  }
  const live = runLiveOf(state, run.id);
  live.capabilityLostMono ??= now.mono;
  if (now.mono - live.capabilityLostMono < CONFIRM_MS) {
    turn.wakeRunAt(run.id, live.capabilityLostMono + CONFIRM_MS);
    return;
  }
  const attempt = currentAttempt(run);
  if (attempt === undefined) return;
  if (policy.spec.onCapabilityLoss === 'STOP') {
    stopAttempt(turn, run, attempt, 'CAPABILITY_LOST', `${from} ${lackAt(state, policy, from)}`);
    return;
  }
  const target = bestElsewhere(turn, run, policy, from);
  if (target !== undefined) beginMove(turn, run, from, target, 'MOVE');
  else live.blockedReason = whyNoneElsewhere(turn, run, policy, from);
}

const lackAt = (state: ClusterState, policy: Policy, id: ServerId): string =>
  lackText(policyLiveOf(state, policy).requirements, serverOf(state, id).capabilities);

export interface CapabilityLoss {
  readonly server: ServerId;
  /** `does not meet java (has no java)`. */
  readonly lack: string;
  /** Since when this leader knows of it. */
  readonly sinceMono: number;
  /** From then on it moves or stops. */
  readonly confirmedMono: number;
  /** Undefined: it has not come to that, or it is about to leave. */
  readonly whyItStays: string | undefined;
}

/** What a run lacks that runs all the same. Undefined: nothing, or its policy does not mind. */
export function lossOf(state: ClusterState, run: Run): CapabilityLoss | undefined {
  const { capabilityLostMono: sinceMono, blockedReason: whyItStays } = state.runLive.get(run.id) ?? {};
  const [policy, server] = [state.policies.get(run.policy), restingServer(run)];
  if (sinceMono === undefined || policy === undefined || server === undefined) return undefined;
  const lack = lackAt(state, policy, server);
  return { server, lack, sinceMono, confirmedMono: sinceMono + CONFIRM_MS, whyItStays };
}
