/**
 * A driver knows one kind of workload: how to make a place for it, hold it together, end it, and prove that it has ended. The core
 * knows when; a driver knows how. Processes are the first kind; a container and a job object of Windows fit the same seam.
 *
 * What stands between a deadline and an empty tree (`terminate`, `kill`, `isEmpty`, `openGate`, `proveHands`) returns at once and waits
 * for nothing but the kernel. Everything else may take time, never without a bound.
 */
import type { HostProblem } from '../../shared/host-problem.ts';
import type { AttemptName, ProcessExit, TreePlace } from '../core/attempt.ts';
import type { Left, StartRequest } from '../core/event.ts';
import type { Refusal } from '../core/refusal.ts';

/** An attempt, and where it lives. */
export interface Placed extends AttemptName {
  readonly place: TreePlace;
}

export interface Driver {
  readonly kind: 'cgroup' | 'process-group';
  /** Fields of a workload that it knows and not every driver does, by their names. */
  readonly features: readonly string[];
  /** Why its hold is not the stronger kind. Empty: it is. */
  readonly weakness: string;
  /** Everything up to the shut gate. The first process waits behind it, in its place, and is nothing of the workload yet. */
  prepare(start: StartRequest): Promise<TreePlace | Refusal>;
  /** Lets the program run that waits at the gate. */
  openGate(attempt: AttemptName): void;
  /** The gate never opens: what is there or is still being made is killed and taken away. */
  discard(attempt: AttemptName): void;
  /** SIGTERM to the whole tree. @throws when the kernel refuses */
  terminate(attempt: Placed): void;
  /** SIGKILL to the whole tree. @throws when the kernel refuses */
  kill(attempt: Placed): void;
  /** True only when it is proven. */
  isEmpty(attempt: Placed): boolean;
  /** What the kernel did to it for want of memory, in words. Undefined: nothing that is known. */
  memoryKill(attempt: Placed): string | undefined;
  /** Runs a program in the place of an attempt that runs, for no longer than the limit. What it prints is thrown away. */
  check(attempt: AttemptName, argv: readonly string[], limitMs: number): Promise<CheckAnswer>;
  /** Takes away what an empty tree leaves behind, and lets its output come to its end. */
  remove(attempt: Placed): void;
  /**
   * Kills what earlier keepers left, whether a record names it or not. Answers when it is empty, or after `limitMs` with what of it lives.
   * @throws what keeps it from being looked at
   */
  sweep(limitMs: number): Promise<readonly Left[]>;
  /** Does, and sees done, everything that a kill needs. Undefined: it works. */
  proveHands(): string | undefined;
  /** Tries what a start needs besides the disk. Empty: it would succeed. */
  trial(): Promise<readonly HostProblem[]>;
  /** Takes away what is left of itself. */
  close(): void;
}

/** How a check went. `reason`, where it did not go well: FAILED; or NOT_RUNNING or TOO_MANY, and it was not made. */
export interface CheckAnswer {
  readonly ok: boolean;
  readonly reason: '' | 'FAILED' | 'NOT_RUNNING' | 'TOO_MANY';
  readonly detail: string;
}

/** What happens by itself. */
export interface DriverEvents {
  /** The first process of an attempt is reaped, whatever it was by then. */
  reaped(attempt: AttemptName, exit: ProcessExit): void;
}
