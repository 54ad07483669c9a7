/** Everything that can happen to the keeper's core. The shell decodes into these, and nothing else reaches the core. */
import type { HostProblem } from '../../shared/host-problem.ts';
import type { Deadline, Reading } from '../../shared/lease-clock.ts';
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import type { PolicyOutputRetention } from '../../shared/protocol/output-retention.ts';
import type { Now } from '../../shared/time.ts';
import type { AttemptName, EndReason, ProcessExit, TreePlace } from './attempt.ts';
import type { Refusal } from './refusal.ts';

/** What an event arrives with: both clocks of deadlines, and the wall clock for records. */
export interface KeeperNow extends Now, Reading {}

/** One connection of an agent, numbered by the shell; a later one is higher. */
export type AgentId = number;

/** Handle of a request, chosen by the agent; 0: no answer is wanted. */
export type RequestId = number;

/** Handle of one write to the journal, given by the core. */
export type WriteId = number;

export interface Extension extends AttemptName {
  readonly deadline: Deadline;
}

export interface StartRequest extends AttemptName {
  readonly kind: 'start';
  readonly policy: string;
  readonly terms: FrozenTerms;
  readonly slots: number;
  /** Not spawned after this; also its first deadline. */
  readonly deadline: Deadline;
  /** What to run: the driver's business, carried through unread. */
  readonly workload: unknown;
  /** How its agent checks it: kept for the agent that comes next, unread. Undefined: it is not checked. */
  readonly healthCheck?: unknown;
  /** Undefined: as the keeper is configured. */
  readonly outputRetention?: PolicyOutputRetention | undefined;
}

export type Ask =
  | StartRequest
  | { readonly kind: 'extend'; readonly extensions: readonly Extension[] }
  | { readonly kind: 'stop'; readonly attempt: AttemptName; readonly reason: EndReason }
  | { readonly kind: 'forget'; readonly attempts: readonly AttemptName[] }
  /** Answered by a pong, once the hands are proven to work. */
  | { readonly kind: 'ping'; readonly highestTerm: number }
  /** The keeper ends once nothing lives any more. */
  | { readonly kind: 'exit'; readonly stopAll: boolean; readonly forget: boolean };

export type FromAgent =
  /** An agent opened a connection. It voids what an older one sent and was not read (semantics: A9). */
  | { readonly kind: 'attached'; readonly agent: AgentId; readonly description: string }
  | { readonly kind: 'detached'; readonly agent: AgentId }
  | { readonly kind: 'asked'; readonly agent: AgentId; readonly request: RequestId; readonly ask: Ask };

export type FromDisk =
  /** The operating system has the record (no problem), or does not have it: refused, or not answered in time. */
  { readonly kind: 'written'; readonly write: WriteId; readonly problem: HostProblem | undefined };

/** Alive, of an earlier keeper, and it does not die. */
export interface Left extends AttemptName {
  readonly cgroup: string;
}

export type FromDriver =
  /** The place is made and its first process waits at the shut gate. */
  | { readonly kind: 'prepared'; readonly attempt: string; readonly place: TreePlace }
  | { readonly kind: 'not_prepared'; readonly attempt: string; readonly refusal: Refusal }
  /** The first process is reaped, whatever it was by then. */
  | { readonly kind: 'reaped'; readonly attempt: string; readonly exit: ProcessExit }
  /** Answer to `look`. Only a tree that is proven empty is empty. */
  | {
      readonly kind: 'looked';
      readonly attempt: string;
      readonly empty: boolean;
      /** What the kernel did to it for want of memory, in words. Undefined: nothing that is known. */
      readonly memoryKill?: string | undefined;
    }
  /**
   * Answer to `sweep`: everything that earlier keepers left is dead but `left`, which lives after all the time that the driver gives it.
   * With a problem it could not be looked at, and nothing is known.
   */
  | { readonly kind: 'swept'; readonly left: readonly Left[]; readonly problem: string | undefined }
  /** Answer to `prove_hands`. Undefined: everything that a kill needs was done and seen just now. */
  | { readonly kind: 'hands'; readonly agent: AgentId; readonly problem: string | undefined };

export type FromHost =
  /** The first event: what an earlier keeper left is killed, then the keeper serves. */
  | { readonly kind: 'begin' }
  /** Time has come to look at deadlines. Never itself a proof that one is past (semantics: A4). */
  | { readonly kind: 'tick' }
  /** All problems of the host; empty: a start would succeed. Harmless when nothing changed. */
  | { readonly kind: 'host_problems'; readonly problems: readonly HostProblem[] }
  /** The host shuts down: SIGTERM or SIGINT to the keeper. A second one is somebody in a hurry. */
  | { readonly kind: 'shutdown'; readonly withinMs: number };

export type Event = FromAgent | FromDisk | FromDriver | FromHost;
