/** One attempt in the keeper's table, and what may be said of it. */
import { type HostProblemKind, isHostProblemKind } from '../../shared/host-problem.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { AttemptStateName, EndCause, FrozenTerms } from '../../shared/protocol/attempt.ts';
import type { PolicyOutputRetention } from '../../shared/protocol/output-retention.ts';
import { refusedBy } from '../../shared/protocol/start-refusal.ts';
import type { Stage, Terms } from './deadline.ts';
import type { Refusal } from './refusal.ts';

/** Names an attempt and its tree, in maps and in the names of folders and cgroups. (The agent's `attemptKey` is for its maps alone.) */
export const treeName = (run: string, epoch: number): string => `${run}-${epoch}`;

export interface AttemptName {
  readonly run: string;
  readonly epoch: number;
}

/** The attempt that a cgroup is named after; undefined: it is none of an attempt. */
export function attemptNamed(name: string): AttemptName | undefined {
  const [, run, digits] = /^([a-z][a-z0-9-]{0,79})-([1-9]\d{0,15})$/.exec(name) ?? [];
  const epoch = Number(digits);
  return run === undefined || !Number.isSafeInteger(epoch) ? undefined : { run, epoch };
}

export const keeperTerms = ({ onDisconnect, stopTimeoutMs, killGuardMs }: FrozenTerms): Terms => ({
  stopsAtDeadline: onDisconnect === 'STOP',
  stopTimeoutMs,
  killGuardMs,
});

/** Where an attempt lives: what a driver and a later keeper need to find its tree again. */
export interface TreePlace {
  /** First process of the tree; 0: none, or not known. */
  readonly pid: number;
  /** Clock ticks since boot at which it started: tells it from a later process with the same id. */
  readonly startTicks: number;
  /** Path of its cgroup below the cgroup2 mount; empty: a process group. */
  readonly cgroup: string;
}

export const NO_PLACE: TreePlace = { pid: 0, startTicks: 0, cgroup: '' };

/** How the first process ended. */
export interface ProcessExit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** Empty when it exited by itself. */
  readonly signal: string;
}

/** EXPIRED and UNKNOWN are not the keeper's to say. */
export type KeptEndCause = Exclude<EndCause, 'EXPIRED' | 'UNKNOWN'>;

/** Why an attempt ends; what came first counts. */
export interface EndReason {
  readonly cause: KeptEndCause;
  /** In words. */
  readonly detail: string;
  /** The problem of the host that kept it from being started. Undefined: none did. */
  readonly hostProblem?: HostProblemKind | undefined;
}

export interface AttemptEnd extends EndReason {
  readonly exitCode: number | undefined;
  readonly signal: string;
  readonly proof: string;
}

export interface Attempt extends AttemptName {
  readonly policy: string;
  readonly frozen: FrozenTerms;
  /** Of the frozen terms, what binds the keeper. */
  readonly terms: Terms;
  readonly slots: number;
  /** As its start said. Undefined: it is not checked. */
  readonly healthCheck?: unknown;
  /** As its start said. Undefined: as the keeper is configured. */
  readonly outputRetention?: PolicyOutputRetention | undefined;
  deadline: Deadline;
  stage: Stage;
  place: TreePlace;
  /** Undefined: nothing ends it yet. */
  reason: EndReason | undefined;
  /** How the first process ended, when that is known. */
  exit: ProcessExit | undefined;
  /** The first process is reaped, was never made, or is no child of this keeper. */
  reaped: boolean;
  /** Milliseconds since 1970; undefined until the program runs. */
  startWall: number | undefined;
  /** What the kernel did to it for want of memory, in words. Undefined: nothing that is known. */
  memoryKill?: string | undefined;
  /** Set for good once it is proven ended. */
  ended: { readonly end: AttemptEnd; readonly wall: number } | undefined;
  /** When its tree is looked into next, monotonic; undefined: not yet, its first process has not ended. */
  lookAt: number | undefined;
  /** Looks that found it alive since its first process ended: they become rarer. */
  looks: number;
}

export const isLiving = ({ ended }: Attempt): boolean => ended === undefined;

export const keyOf = ({ run, epoch }: AttemptName): string => treeName(run, epoch);

/** As it is reported; stages of one state are no news to the agent. */
export function stateOf({ ended, stage }: Pick<Attempt, 'ended' | 'stage'>): AttemptStateName {
  if (ended !== undefined) return 'ENDED';
  switch (stage.kind) {
    case 'starting':
      return 'STARTING';
    case 'running':
      return 'RUNNING';
    case 'stopping':
    case 'killing':
      return 'STOPPING';
    case 'stuck':
      return 'STUCK';
  }
}

/** How it ended, as it is reported. An exit code is given whatever the cause: a program may end well when told to. */
export function endOf(attempt: Attempt): AttemptEnd {
  const { startWall, exit } = attempt;
  const ran = startWall !== undefined;
  const reason = ran ? memoryReasonOf(attempt) : attempt.reason;
  return {
    cause: reason?.cause ?? 'EXITED',
    detail: reason?.detail ?? '',
    // The end of a gate that never opened says nothing about the workload.
    exitCode: ran ? exit?.code : undefined,
    signal: (ran ? exit?.signal : undefined) ?? '',
    proof: proofOf(ran, reason),
    hostProblem: reason?.hostProblem,
  };
}

/** One that ended by itself and well, or was told to end, ended by that, whatever the kernel took of it. */
function memoryReasonOf({ reason, exit, memoryKill }: Attempt): EndReason | undefined {
  const endedByItself = reason?.cause === 'EXITED' && exit?.code !== 0;
  return memoryKill === undefined || !endedByItself ? reason : { cause: 'OUT_OF_MEMORY', detail: memoryKill };
}

function proofOf(ran: boolean, reason: EndReason | undefined): string {
  if (ran) return 'its process is reaped and its process tree is empty';
  // What an earlier keeper left: when it began to run is not written down.
  return reason?.cause === 'LOST' ? 'its process tree is empty' : 'nothing of it ever ran';
}

/** The end of a start that was refused; it matters to the leader whether another server could do better. */
export function refusedEnd({ reason, detail }: Refusal): EndReason {
  const hostProblem = isHostProblemKind(reason) ? reason : undefined;
  return { cause: causeOf(reason), detail: `${reason}: ${detail}`, ...(hostProblem && { hostProblem }) };
}

/** A start that came too late, or was stopped before it ran, is no process either: a keeper calls that refused. */
function causeOf(reason: Refusal['reason']): KeptEndCause {
  if (reason === 'STOPPED') return 'STOPPED';
  return refusedBy(reason).endCause === 'SPAWN_FAILED' ? 'SPAWN_FAILED' : 'REFUSED';
}
