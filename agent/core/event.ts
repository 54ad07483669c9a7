/** Everything that can happen to the agent's core. The shell decodes into these, and nothing else reaches the core. */

import type { HostProblem } from '../../shared/host-problem.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { Capacity, OutputChunk } from '../../shared/protocol/agent-message.ts';
import type { AttemptRef, FrozenTerms, ReportedAttempt } from '../../shared/protocol/attempt.ts';
import type { Capability, ProbeFailure } from '../../shared/protocol/capability.ts';
import type { HealthCheck } from '../../shared/protocol/health-check.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { CertificateFacts, RenewalOutcome } from './certificate.ts';
import type { CheckOutcome } from './health.ts';

/** Handle of one stream, given by the core when it dials; never used again. */
export type StreamId = number;

/** Handle of one request to the keeper, given by the core. */
export type RequestId = number;

/** One attempt in the keeper's table. */
export interface KeptAttempt {
  readonly status: ReportedAttempt;
  readonly deadline: Deadline;
  readonly terms: FrozenTerms;
  /** Its cgroup, below the cgroup2 mount; empty: a process group. */
  readonly cgroup: string;
  /** When its first process started, in clock ticks since boot: tells it from a later one with the same id. 0: not known. */
  readonly startTicks: number;
  readonly slots: number;
  /** Undefined: it is not checked. */
  readonly healthCheck?: HealthCheck | undefined;
}

export type FromStream =
  /** The stream is open and nothing was said on it yet. */
  | { readonly kind: 'connected'; readonly stream: StreamId }
  /** `term` is the leader's, 0 when it named none. */
  | { readonly kind: 'received'; readonly stream: StreamId; readonly term: number; readonly message: LeaderMessage }
  /** The stream can take no more for now, or can again. */
  | { readonly kind: 'writable'; readonly stream: StreamId; readonly writable: boolean }
  /** It could not be opened, or has ended; the last event of a stream. Not sent for a stream that the core closed by itself. */
  | { readonly kind: 'closed'; readonly stream: StreamId; readonly reason: string };

export type FromKeeper =
  /** A connection is open: the keeper's whole table. Whatever else was left of this state directory is dead (semantics: A7). */
  | {
      readonly kind: 'keeper_opened';
      readonly pid: number;
      readonly containment: 'CGROUP' | 'PROCESS_GROUP';
      /** What it can do for workloads that need it. Undefined: an older one, and nothing. */
      readonly features?: readonly string[] | undefined;
      readonly attempts: readonly KeptAttempt[];
      /** Highest term that any agent of this state directory told the keeper. */
      readonly highestTerm: number;
      /** Highest epoch that was spent in this state directory, also of attempts that are forgotten. */
      readonly highestEpoch: number;
    }
  /** It could not be opened, or has ended; open requests are not answered any more. */
  | { readonly kind: 'keeper_closed'; readonly detail: string }
  | { readonly kind: 'keeper_changed'; readonly attempt: KeptAttempt }
  /** Answer to start, extend, stop, forget and exit. */
  | {
      readonly kind: 'keeper_result';
      readonly request: RequestId;
      readonly ok: boolean;
      readonly reason: string;
      readonly detail: string;
      readonly pid: number;
      /** Of an extend: those whose deadline was past already. */
      readonly refused: readonly AttemptRef[];
    }
  | { readonly kind: 'keeper_pong' }
  | { readonly kind: 'keeper_output'; readonly request: RequestId; readonly chunk: OutputChunk }
  /** The host shuts down. */
  | { readonly kind: 'keeper_leaving'; readonly withinMs: number }
  /** Answer to kill_trees: the keeper is dead, and of the trees these are proven empty and these are not. */
  | { readonly kind: 'trees_killed'; readonly killed: readonly AttemptRef[]; readonly left: readonly AttemptRef[] };

export type FromHost =
  /** The first event. */
  | { readonly kind: 'begin' }
  /** Time has come to look at deadlines. Never itself a proof that one is past (semantics: A4). */
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'capabilities';
      /** Another array each time. */
      readonly capabilities: readonly Capability[];
      /** All that fail. Default: none. */
      readonly probeFailures?: readonly ProbeFailure[];
    }
  | { readonly kind: 'capacity'; readonly capacity: Capacity }
  /** All problems that the host has now; empty: none, and a start would succeed. Said when it changed, and harmless when it did not. */
  | { readonly kind: 'host_problems'; readonly problems: readonly HostProblem[] }
  /** Answer to check. */
  | { readonly kind: 'checked'; readonly attempt: AttemptRef; readonly outcome: CheckOutcome }
  /** The certificate that controllers are shown from now on: at the begin, and when somebody else has put another one there. */
  | { readonly kind: 'certificate'; readonly certificate: CertificateFacts }
  /** Answer to renew_certificate. */
  | { readonly kind: 'renewal'; readonly outcome: RenewalOutcome }
  /** The self-drain: stop everything, then say Goodbye. */
  | { readonly kind: 'leave'; readonly reason: 'LEAVE' | 'SHUTDOWN'; readonly withinMs: number }
  /** The agent ends and leaves its runs to the keeper. */
  | { readonly kind: 'detach' };

export type Event = FromStream | FromKeeper | FromHost;
