/** A required capability lost while running: after 60 s of confirmed loss the run moves or stops (semantics 8). */
import { MINUTE } from '../../../shared/time.ts';
import { policyLiveOf, runLiveOf, serverOf } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';
import { meetsRequirements } from '../placement/capacity.ts';
import { lackText } from '../placement/obstacle.ts';
import type { Run } from '../records/state.ts';
import { currentAttempt, stopAttempt } from './attempt.ts';
import { beginMove, bestElsewhere, restingServer, whyNoneElsewhere } from './moves.ts';

const CONFIRM_MS = MINUTE;

export function judgeCapabilities(turn: Turn, run: Run): void {
  const { state, now } = turn;
  const policy = state.policies.get(run.policy);
  const from = restingServer(run);
  if (policy === undefined || from === undefined || policyLiveOf(state, policy).requirements.length === 0) return;
  const live = runLiveOf(state, run.id);
  if (policy.spec.onCapabilityLoss === 'IGNORE' || meetsRequirements(state, policy, serverOf(state, from))) {
    live.capabilityLostMono = undefined;
    live.blockedReason = undefined;
    return;
  }
  live.capabilityLostMono ??= now.mono;
  if (now.mono - live.capabilityLostMono < CONFIRM_MS) {
    turn.wakeRunAt(run.id, live.capabilityLostMono + CONFIRM_MS);
    return;
  }
  const attempt = currentAttempt(run);
  if (attempt === undefined) return;
  const { requirements } = policyLiveOf(state, policy);
  const lack = `${from} ${lackText(requirements, serverOf(state, from).capabilities)}`;
  if (policy.spec.onCapabilityLoss === 'STOP') {
    stopAttempt(turn, run, attempt, 'CAPABILITY_LOST', lack);
    return;
  }
  const target = bestElsewhere(turn, run, policy, from);
  if (target !== undefined) beginMove(turn, run, from, target, 'MOVE');
  else live.blockedReason = `${lack}; ${whyNoneElsewhere(turn, run, policy, from)}`;
}
