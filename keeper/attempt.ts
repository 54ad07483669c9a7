/** One attempt in the keeper's table, and its form on the wire. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { type KeptAttempt, KeptAttemptSchema, type Start } from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { OnDisconnect } from '../shared/gen/locum/v1/policy_pb.ts';
import { type AttemptEndSchema, AttemptState, EndCause } from '../shared/gen/locum/v1/run_pb.ts';
import type { Tree } from '../shared/host/containment.ts';
import type { Deadline } from '../shared/lease-clock.ts';
import { fromDuration, fromTimestamp, toTimestamp } from '../shared/rpc/time-messages.ts';
import type { Stage, Terms } from './core/deadline.ts';
import type { Refusal } from './core/refusal.ts';
import type { Gate, ProcessExit } from './gate.ts';
import { attemptKey } from './journal-state.ts';
import type { OutputLog } from './output-log.ts';

/** K where an agent does not say. */
const DEFAULT_KILL_GUARD_MS = 5_000;
/** G where an agent does not say. */
const DEFAULT_STOP_TIMEOUT_MS = 10_000;

/** Terms as they were sent, for whoever asks. */
export interface FrozenTerms {
  readonly onDisconnect: OnDisconnect;
  readonly lease: Duration | undefined;
  readonly stopTimeout: Duration | undefined;
  readonly killGuard: Duration | undefined;
  readonly slots: number;
}

/** Why an attempt ends; what came first counts. */
export interface EndReason {
  readonly cause: EndCause;
  /** In words. */
  readonly detail: string;
}

export interface AttemptEnded {
  readonly end: MessageInitShape<typeof AttemptEndSchema>;
  readonly wallMs: number;
}

export class Attempt {
  readonly run: string;
  readonly epoch: number;
  readonly policy: string;
  readonly frozen: FrozenTerms;
  readonly terms: Terms;
  deadline: Deadline;
  stage: Stage = { kind: 'starting' };
  /** Undefined: nothing ends it yet. */
  reason: EndReason | undefined;
  /** Set for good once it is proven ended. */
  ended: AttemptEnded | undefined;
  /** Why its gate will never open. */
  abandoned: Refusal | undefined;
  gate: Gate | undefined;
  /** 0: none. */
  pid = 0;
  startTicks = 0;
  /** Milliseconds since 1970; undefined until the program runs. */
  startWallMs: number | undefined;
  /** Undefined until the first process has joined. */
  tree: Tree | undefined;
  /** How the first process ended, when that is known. */
  exit: ProcessExit | undefined;
  /** The first process is reaped, or was never made. */
  isReaped = false;
  output: OutputLog | undefined;
  /** Resolves when it is proven ended. */
  readonly whenEnded = Promise.withResolvers<void>();

  constructor(options: {
    readonly run: string;
    readonly epoch: number;
    readonly policy: string;
    readonly frozen: FrozenTerms;
    readonly deadline: Deadline;
  }) {
    this.run = options.run;
    this.epoch = options.epoch;
    this.policy = options.policy;
    this.frozen = options.frozen;
    this.deadline = options.deadline;
    const { onDisconnect, stopTimeout, killGuard } = options.frozen;
    this.terms = {
      stopsAtDeadline: onDisconnect !== OnDisconnect.HOLD && onDisconnect !== OnDisconnect.OVERLAP,
      stopTimeoutMs: fromDuration(stopTimeout) ?? DEFAULT_STOP_TIMEOUT_MS,
      killGuardMs: fromDuration(killGuard) ?? DEFAULT_KILL_GUARD_MS,
    };
  }

  get key(): string {
    return attemptKey(this.run, this.epoch);
  }
}

/** The attempt that a start asks for. The request has been checked. */
export function attemptOf(start: Start, deadline: Deadline): Attempt {
  const { command } = start;
  return new Attempt({
    run: start.run,
    epoch: Number(start.epoch),
    policy: start.policy,
    deadline,
    frozen: {
      onDisconnect: command?.onDisconnect ?? OnDisconnect.STOP,
      lease: command?.lease,
      stopTimeout: command?.stopTimeout,
      killGuard: command?.killGuard,
      slots: command?.slots ?? 0,
    },
  });
}

/** An attempt of an earlier keeper. Nothing of it is known to live; `isReaped`, as it is no child of ours. */
export function attemptFrom(kept: KeptAttempt): Attempt | undefined {
  const { status, deadline } = kept;
  if (status === undefined) return undefined;
  const attempt = new Attempt({
    run: status.run,
    epoch: Number(status.epoch),
    policy: status.policy,
    deadline: { mono: deadline?.monotonicMs ?? 0, boot: deadline?.bootMs ?? 0 },
    frozen: {
      onDisconnect: kept.onDisconnect,
      lease: kept.lease,
      stopTimeout: kept.stopTimeout,
      killGuard: kept.killGuard,
      slots: kept.slots,
    },
  });
  attempt.isReaped = true;
  attempt.pid = status.pid;
  attempt.startTicks = Number(kept.startTicks);
  attempt.startWallMs = fromTimestamp(status.startTime);
  if (status.state === AttemptState.ENDED) {
    attempt.ended = { end: status.end ?? {}, wallMs: fromTimestamp(status.endTime) ?? 0 };
  }
  return attempt;
}

export function keptAttempt(attempt: Attempt): KeptAttempt {
  const { frozen, ended, startWallMs } = attempt;
  return create(KeptAttemptSchema, {
    status: {
      run: attempt.run,
      epoch: BigInt(attempt.epoch),
      policy: attempt.policy,
      state: stateOf(attempt),
      pid: attempt.pid,
      ...(startWallMs !== undefined && { startTime: toTimestamp(startWallMs) }),
      ...(ended !== undefined && { end: ended.end, endTime: toTimestamp(ended.wallMs) }),
    },
    deadline: { monotonicMs: attempt.deadline.mono, bootMs: attempt.deadline.boot },
    onDisconnect: frozen.onDisconnect,
    ...(frozen.lease && { lease: frozen.lease }),
    ...(frozen.stopTimeout && { stopTimeout: frozen.stopTimeout }),
    ...(frozen.killGuard && { killGuard: frozen.killGuard }),
    cgroup: attempt.tree?.cgroup ?? '',
    slots: frozen.slots,
    startTicks: BigInt(attempt.startTicks),
  });
}

/** As it is reported; stages of one state are no news to the agent. */
export function stateOf({ ended, stage }: Attempt): AttemptState {
  if (ended !== undefined) return AttemptState.ENDED;
  switch (stage.kind) {
    case 'starting':
      return AttemptState.STARTING;
    case 'running':
      return AttemptState.RUNNING;
    case 'stopping':
    case 'killing':
      return AttemptState.STOPPING;
    case 'stuck':
      return AttemptState.STUCK;
  }
}

/** How an attempt ended, as it is reported. An exit code is given whatever the cause: a program may end well when told to. */
export function endOf(attempt: Attempt): MessageInitShape<typeof AttemptEndSchema> {
  const { reason } = attempt;
  // The end of a gate that never opened says nothing about the workload.
  const exit = attempt.startWallMs === undefined ? undefined : attempt.exit;
  return {
    cause: reason?.cause ?? EndCause.EXITED,
    detail: reason?.detail ?? '',
    signal: exit?.signal ?? '',
    proof: 'its process is reaped and its process tree is empty',
    ...(exit?.code !== undefined && { exitCode: exit.code }),
  };
}
