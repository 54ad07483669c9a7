/** Attempts as leader, agent and keeper speak of them. */
import type { HostProblemKind } from '../host-problem.ts';
import type { Epoch, PolicyId, RunId } from '../ids.ts';
import type { ReportedHealth } from './health-check.ts';

/** Names an attempt. */
export interface AttemptRef {
  readonly run: RunId;
  readonly epoch: Epoch;
}

/** What becomes of an attempt while no leader can be reached (semantics, section 5). */
export type OnDisconnect = 'STOP' | 'HOLD' | 'OVERLAP';

/** Terms of an attempt, frozen when it is assigned: agent, keeper and leader use these, never the policy's current ones. */
export interface FrozenTerms {
  readonly onDisconnect: OnDisconnect;
  /** L: how long a grant lets the attempt run, from the send time of the granted heartbeat. */
  readonly leaseMs: number;
  /** G: SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number;
  /** K: wake-up, SIGKILL and reaping; then a tree that lives counts as stuck. */
  readonly killGuardMs: number;
}

/** ASSIGNED: only the leader knows of it yet. STUCK: its process tree can not be killed. ENDED is final. */
export type AttemptStateName = 'ASSIGNED' | 'STARTING' | 'RUNNING' | 'STOPPING' | 'STUCK' | 'ENDED';

/** EXPIRED: its start came too late, or to a session that was over. OUT_OF_MEMORY: it failed, and the kernel killed of it for memory. */
export type EndCause =
  | ('UNKNOWN' | 'EXITED' | 'OUT_OF_MEMORY' | 'STOPPED' | 'LAPSED')
  | ('REFUSED' | 'EXPIRED' | 'SPAWN_FAILED' | 'LOST');

/** How an attempt ended, as its agent tells it. */
export interface ReportedEnd {
  readonly cause: EndCause;
  /** Set when the process exited by itself. */
  readonly exitCode: number | undefined;
  /** Name of the signal that ended it; empty: none. */
  readonly signal: string;
  /** In words, for people. */
  readonly detail: string;
  /** The problem of the host for which its start was refused. */
  readonly hostProblem?: HostProblemKind | undefined;
}

/** One attempt as its agent lists it. */
export interface ReportedAttempt extends AttemptRef {
  readonly policy: PolicyId;
  readonly state: AttemptStateName;
  /** 0: none. */
  readonly pid: number;
  readonly startWall: number | undefined;
  readonly endWall: number | undefined;
  /** Set when ENDED. */
  readonly end: ReportedEnd | undefined;
  /** What its health checks say. Undefined: nothing yet, or there are none; what was said before still holds. */
  readonly health?: ReportedHealth | undefined;
}
