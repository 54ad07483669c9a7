/** The core's words beside the enums of the API, which the store and the agent stream use as well. */

import { wordSet, wordTable } from '../../shared/codec/word-table.ts';
import {
  MissedRun,
  OverlapRule,
  Failback as PbFailback,
  ListMode as PbListMode,
  OnCapabilityLoss as PbOnCapabilityLoss,
  OnRunMissing as PbOnRunMissing,
} from '../../shared/gen/locum/v1/policy_pb.ts';
import { DesiredState, RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { Intent as PbIntent, Liveness as PbLiveness } from '../../shared/gen/locum/v1/server_pb.ts';
import type { Proof } from '../core/records/attempt-state.ts';
import type { RunStateName } from '../core/records/run-state.ts';
import type {
  AttemptCause,
  Failback,
  Intent,
  ListMode,
  Liveness,
  OnCapabilityLoss,
  OnRunMissing,
  QueueCause,
  Reservation,
  Run,
  RunOutcome,
  StopReason,
  Trigger,
} from '../core/records/state.ts';

export const livenessWords = wordTable<Liveness, PbLiveness>({
  ALIVE: PbLiveness.ALIVE,
  SUSPECT: PbLiveness.SUSPECT,
  MISSING: PbLiveness.MISSING,
  LEFT: PbLiveness.LEFT,
});

export const intentWords = wordTable<Intent, PbIntent>({
  ACTIVE: PbIntent.ACTIVE,
  CORDONED: PbIntent.CORDONED,
  DRAINING: PbIntent.DRAINING,
});

export const listModeWords = wordTable<ListMode, PbListMode>({ ONLY: PbListMode.ONLY, PREFER: PbListMode.PREFER });

export const failbackWords = wordTable<Failback, PbFailback>({
  NEVER: PbFailback.NEVER,
  ON_NEXT_START: PbFailback.ON_NEXT_START,
  AUTO: PbFailback.AUTO,
  MANUAL: PbFailback.MANUAL,
});

export const onCapabilityLossWords = wordTable<OnCapabilityLoss, PbOnCapabilityLoss>({
  MOVE: PbOnCapabilityLoss.MOVE,
  IGNORE: PbOnCapabilityLoss.IGNORE,
  STOP: PbOnCapabilityLoss.STOP,
});

export const onRunMissingWords = wordTable<OnRunMissing, PbOnRunMissing>({
  NEXT: PbOnRunMissing.NEXT,
  IN_PLACE: PbOnRunMissing.IN_PLACE,
});

export const missedRunWords = wordTable<Extract<Trigger, { kind: 'schedule' }>['missed'], MissedRun>({
  SKIP: MissedRun.SKIP,
  ONCE: MissedRun.ONCE,
});

export const overlapWords = wordTable<Extract<Trigger, { kind: 'schedule' }>['overlap'], OverlapRule>({
  SKIP: OverlapRule.SKIP,
  QUEUE: OverlapRule.QUEUE,
  REPLACE: OverlapRule.REPLACE,
});

export const desiredWords = wordTable<Run['desired'], DesiredState>({
  RUNNING: DesiredState.RUNNING,
  STOPPED: DesiredState.STOPPED,
});

export const runStateWords = wordTable<RunStateName, RunState>({
  QUEUED: RunState.QUEUED,
  ASSIGNED: RunState.ASSIGNED,
  STARTING: RunState.STARTING,
  RUNNING: RunState.RUNNING,
  STOPPING: RunState.STOPPING,
  FENCING: RunState.FENCING,
  STUCK: RunState.STUCK,
  BACKOFF: RunState.BACKOFF,
  SUCCEEDED: RunState.SUCCEEDED,
  FAILED: RunState.FAILED,
  STOPPED: RunState.STOPPED,
});

export const outcomeWords = wordTable<RunOutcome['kind'], RunState>({
  SUCCEEDED: RunState.SUCCEEDED,
  FAILED: RunState.FAILED,
  STOPPED: RunState.STOPPED,
});

/** The API shows the proof in words. */
export const proofWords = wordTable<Proof, string>({
  REPORT: 'report of its agent',
  REFUSED: 'refused by its agent',
  INVENTORY: 'not in the full inventory of its agent',
  NEW_BOOT: 'new boot of its host',
  NEVER_SENT: 'its start was never sent',
  WAIT: 'waiting time',
  OPERATOR: 'operator',
  OVERLAP: 'none needed: overlap is allowed',
});

export const attemptCauseWords = wordSet<AttemptCause>({
  START: true,
  RESTART: true,
  RECOVERY: true,
  MOVE: true,
  FAILBACK: true,
  DRAIN: true,
});

export const stopReasonWords = wordSet<StopReason>({
  OPERATOR: true,
  RESTART: true,
  MOVE: true,
  FAILBACK: true,
  DRAIN: true,
  DRAIN_DEADLINE: true,
  CAPABILITY_LOST: true,
  UNHEALTHY: true,
  START_UNANSWERED: true,
});

export const queueCauseWords = wordSet<QueueCause>({ RECOVERY: true, START: true, MOVE: true });

export const reservationCauseWords = wordSet<Reservation['cause']>({ MOVE: true, FAILBACK: true, DRAIN: true });

export const wantedMoveCauseWords = wordSet<NonNullable<Run['wantedMove']>['cause']>({ MOVE: true, FAILBACK: true });
