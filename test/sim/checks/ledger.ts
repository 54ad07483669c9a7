/** What is known from outside about every attempt: who committed it, whether its tree ran, and what was said to prove its end. */

import type { Proof } from '../../../controller/core/records/attempt-state.ts';

import type { PolicyId, RunId, ServerId } from '../../../shared/ids.ts';
import type { EndCause, OnDisconnect } from '../../../shared/protocol/attempt.ts';
import type { Tree } from '../tree.ts';
import type { Fired } from './ticks.ts';

export interface AttemptFacts {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly epoch: number;
  /** Of the leader that made it. */
  readonly term: number;
  readonly server: ServerId;
  /** As of `placeName`. */
  readonly place: string;
  readonly onDisconnect: OnDisconnect;
  /** Unended attempts of the run, given up without proof, when this one was made. */
  readonly overlaps: boolean;
}

/** Where an attempt lives: a state directory on a machine. */
export const placeName = (instanceId: string, machineId: string): string => `${instanceId} on ${machineId}`;

/** What a batch of writes says about attempts; it is true of the store once the batch is committed. */
export interface BatchFacts {
  readonly assigned: readonly AttemptFacts[];
  readonly ended: readonly NotedEnd[];
  /** Runs that schedules started. */
  readonly fired: readonly Fired[];
}

export interface NotedEnd {
  readonly run: RunId;
  readonly server: ServerId;
  readonly epoch: number;
  readonly cause: EndCause;
  readonly proof: Proof;
  readonly at: number;
  readonly controller: string;
  readonly term: number;
}

export class Ledger {
  /** Decided by a leader, durable or not. */
  readonly decidedAt = new Map<number, number>();
  /** Stop decided. */
  readonly stopDecidedAt = new Map<number, number>();
  readonly committed = new Map<number, AttemptFacts>();
  /** The first proof that any leader noted. */
  readonly ends = new Map<number, NotedEnd>();
  readonly trees = new Map<number, Tree>();
  readonly newestStarted = new Map<RunId, number>();
  /** Largest max_concurrent_runs that anybody asked for. */
  readonly mostRuns = new Map<PolicyId, number>();

  apply({ assigned, ended }: Pick<BatchFacts, 'assigned' | 'ended'>): void {
    for (const facts of assigned) this.committed.set(facts.epoch, facts);
    for (const end of ended) this.noteEnd(end);
  }

  /**
   * Notes a proof: what it says is about the world and true at once, durable or not. Of an attempt that was never committed there is
   * nothing to say: a later leader may give the same epoch to another one, of which the earlier one knows nothing.
   */
  noteEnd(end: NotedEnd): void {
    const known = this.committed.get(end.epoch);
    if (known === undefined || end.term < known.term || this.ends.has(end.epoch)) return;
    this.ends.set(end.epoch, end);
  }
}
