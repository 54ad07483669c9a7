/** What the core asks the shell to do, in this order and now. The performer has no choices; answers come back as events. */
import type { Deadline } from '../../shared/lease-clock.ts';
import type { AgentMessage } from '../../shared/protocol/agent-message.ts';
import type { AttemptRef, EndCause } from '../../shared/protocol/attempt.ts';
import type { HealthProbe } from '../../shared/protocol/health-check.ts';
import type { StartCommand } from '../../shared/protocol/leader-message.ts';
import type { RequestId, StreamId } from './event.ts';

export type KeeperRequest =
  /** Spawned only before the deadline, which is also the attempt's first one. */
  | { readonly kind: 'start'; readonly command: StartCommand; readonly deadline: Deadline }
  | { readonly kind: 'extend'; readonly extensions: readonly Extension[] }
  | {
      readonly kind: 'stop';
      readonly attempt: AttemptRef;
      /** How its end is reported. */
      readonly cause: Extract<EndCause, 'STOPPED' | 'LAPSED'>;
      readonly reason: string;
    }
  | { readonly kind: 'forget'; readonly attempts: readonly AttemptRef[] }
  /** Answered by keeper_pong. */
  | { readonly kind: 'ping'; readonly highestTerm: number }
  /** Answered by keeper_output. */
  | {
      readonly kind: 'read';
      readonly attempt: AttemptRef;
      readonly offset: number;
      readonly limit: number;
      /** Only lines of then and later, milliseconds since 1970. Undefined: all. */
      readonly sinceWall?: number | undefined;
    }
  /** The keeper ends once nothing lives any more. `forget`: nothing that it knows of this cluster is left for the next keeper. */
  | { readonly kind: 'exit'; readonly stopAll: boolean; readonly forget: boolean };

export interface Extension extends AttemptRef {
  readonly deadline: Deadline;
}

/** A process tree that may outlive its keeper. */
export interface LeftTree extends AttemptRef {
  /** Below the cgroup2 mount; empty: a process group. */
  readonly cgroup: string;
  /** Its first process, which leads its process group; 0: not known. */
  readonly pid: number;
  /** When that started, in clock ticks since boot. */
  readonly startTicks: number;
}

export type Effect =
  /** Connect to the keeper of the state directory; start one when there is none and `mayStart`. */
  | { readonly kind: 'open_keeper'; readonly mayStart: boolean }
  | { readonly kind: 'ask_keeper'; readonly request: RequestId; readonly ask: KeeperRequest }
  /** Kill the keeper and then these trees, and answer what is proven empty (semantics: A9). */
  | { readonly kind: 'kill_trees'; readonly keeperPid: number; readonly trees: readonly LeftTree[] }
  /** Open a stream; `closed` when that takes longer than the limit. */
  | { readonly kind: 'dial'; readonly stream: StreamId; readonly endpoint: string; readonly limitMs: number }
  /** A health check, answered by checked within a bounded time. */
  | {
      readonly kind: 'check';
      readonly attempt: AttemptRef;
      readonly probe: HealthProbe;
      /** Then it has failed. */
      readonly timeoutMs: number;
    }
  /** Ask this controller for a new certificate and take it over, answered by renewal within a bounded time. */
  | { readonly kind: 'renew_certificate'; readonly endpoint: string }
  | { readonly kind: 'send'; readonly stream: StreamId; readonly message: AgentMessage }
  /** `flush`: end it after what was sent, and report `closed` when the other side ended it too. Otherwise drop it, unread. */
  | { readonly kind: 'close_stream'; readonly stream: StreamId; readonly flush: boolean }
  /** Make durable, before any start that follows is let through. What can't be made durable in time refuses those. */
  | { readonly kind: 'save_identity'; readonly uid: string; readonly clusterId: string; readonly highestTerm: number }
  /** The server has left its cluster with everything ended: the state directory becomes a new place, of no cluster. */
  | { readonly kind: 'forget_cluster' }
  /** Send `tick` at this monotonic time. Replaces the last one. */
  | { readonly kind: 'wake'; readonly atMono: number }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly text: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    }
  /** End the process; the last effect. */
  | { readonly kind: 'exit'; readonly reason: string };
