/** The words of the agent stream beside the enums of `locum.v1`. */
import { CommandOutcome as PbCommandOutcome, VerdictAction } from '../gen/locum/v1/agent_service_pb.ts';
import { CapabilitySource as PbCapabilitySource } from '../gen/locum/v1/capability_pb.ts';
import { OnDisconnect as PbOnDisconnect } from '../gen/locum/v1/policy_pb.ts';
import { AttemptState as PbAttemptState, EndCause as PbEndCause } from '../gen/locum/v1/run_pb.ts';
import type { AttemptStateName, EndCause, OnDisconnect } from '../protocol/attempt.ts';
import type { CapabilitySource } from '../protocol/capability.ts';
import type { CommandOutcome } from '../protocol/command-outcome.ts';
import type { Verdict } from '../protocol/leader-message.ts';
import { wordTable } from './word-table.ts';

export const capabilitySourceWords = wordTable<CapabilitySource, PbCapabilitySource>({
  FINGERPRINT: PbCapabilitySource.FINGERPRINT,
  PROBE: PbCapabilitySource.PROBE,
  CONFIG: PbCapabilitySource.CONFIG,
});

export const onDisconnectWords = wordTable<OnDisconnect, PbOnDisconnect>({
  STOP: PbOnDisconnect.STOP,
  HOLD: PbOnDisconnect.HOLD,
  OVERLAP: PbOnDisconnect.OVERLAP,
});

export const attemptStateWords = wordTable<AttemptStateName, PbAttemptState>({
  ASSIGNED: PbAttemptState.ASSIGNED,
  STARTING: PbAttemptState.STARTING,
  RUNNING: PbAttemptState.RUNNING,
  STOPPING: PbAttemptState.STOPPING,
  STUCK: PbAttemptState.STUCK,
  ENDED: PbAttemptState.ENDED,
});

export const endCauseWords = wordTable<EndCause, PbEndCause>({
  UNKNOWN: PbEndCause.UNSPECIFIED,
  EXITED: PbEndCause.EXITED,
  OUT_OF_MEMORY: PbEndCause.OUT_OF_MEMORY,
  STOPPED: PbEndCause.STOPPED,
  LAPSED: PbEndCause.LAPSED,
  REFUSED: PbEndCause.REFUSED,
  EXPIRED: PbEndCause.EXPIRED,
  SPAWN_FAILED: PbEndCause.SPAWN_FAILED,
  LOST: PbEndCause.LOST,
});

export const commandOutcomeWords = wordTable<CommandOutcome, PbCommandOutcome>({
  APPLIED: PbCommandOutcome.APPLIED,
  ALREADY_APPLIED: PbCommandOutcome.ALREADY_APPLIED,
  REFUSED: PbCommandOutcome.REFUSED,
  EXPIRED: PbCommandOutcome.EXPIRED,
  STALE: PbCommandOutcome.STALE,
});

export const verdictWords = wordTable<Verdict['action'], VerdictAction>({
  KEEP: VerdictAction.KEEP,
  ADOPT: VerdictAction.ADOPT,
  STOP: VerdictAction.STOP,
});
