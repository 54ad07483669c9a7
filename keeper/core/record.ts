/** What a keeper writes down for its successor, and what it finds of its predecessors. Later records count over earlier ones. */
import type { Deadline } from '../../shared/lease-clock.ts';
import type { FrozenTerms } from '../../shared/protocol/attempt.ts';
import type { PolicyOutputRetention } from '../../shared/protocol/output-retention.ts';
import { type Attempt, type AttemptEnd, keyOf, type TreePlace, treeName } from './attempt.ts';
import { MAX_SPENT_RUNS } from './limits.ts';
import { SpentEpochs } from './spent-epochs.ts';

/** An attempt as it is written down. */
export interface RecordedAttempt {
  readonly run: string;
  readonly epoch: number;
  readonly policy: string;
  readonly frozen: FrozenTerms;
  readonly slots: number;
  readonly deadline: Deadline;
  readonly place: TreePlace;
  /** Undefined: as the keeper is configured. */
  readonly outputRetention?: PolicyOutputRetention | undefined;
  readonly startWall: number | undefined;
  readonly ended: { readonly end: AttemptEnd; readonly wall: number } | undefined;
  /** Boot of the host in which it was started: of another one nothing lives. */
  readonly bootId: string;
}

export type JournalRecord =
  /** The epoch and lower ones of the run never run here. */
  | { readonly kind: 'spent'; readonly run: string; readonly epoch: number }
  /** Epochs up to this are spent for every run without a record of its own. */
  | { readonly kind: 'spent_floor'; readonly epoch: number }
  /** About to run, or ended. */
  | { readonly kind: 'attempt'; readonly attempt: RecordedAttempt }
  | { readonly kind: 'forgotten'; readonly run: string; readonly epoch: number }
  | { readonly kind: 'highest_term'; readonly term: number }
  /** A folder below the cgroup2 mount in which a keeper has its cgroups. */
  | { readonly kind: 'cgroup_base'; readonly base: string };

/** Everything that was written down, folded. */
export interface Recovered {
  readonly spent: SpentEpochs;
  /** Attempts that run, ran when their keeper died, or ended and were not forgotten; oldest first. */
  readonly attempts: Map<string, RecordedAttempt>;
  readonly cgroupBases: Set<string>;
  /** 0: none seen. */
  highestTerm: number;
}

export const nothingRecovered = (): Recovered => ({
  spent: new SpentEpochs(MAX_SPENT_RUNS),
  attempts: new Map(),
  cgroupBases: new Set(),
  highestTerm: 0,
});

export function foldRecord(into: Recovered, record: JournalRecord): void {
  switch (record.kind) {
    case 'spent':
      into.spent.spend(record.run, record.epoch);
      return;
    case 'spent_floor':
      into.spent.raiseFloor(record.epoch);
      return;
    case 'attempt':
      into.attempts.set(keyOf(record.attempt), record.attempt);
      return;
    case 'forgotten':
      into.attempts.delete(treeName(record.run, record.epoch));
      return;
    case 'highest_term':
      into.highestTerm = Math.max(into.highestTerm, record.term);
      return;
    case 'cgroup_base':
      into.cgroupBases.add(record.base);
      return;
  }
}

/** The fewest records that fold to the same. */
export function* recordsOf(known: Recovered): Generator<JournalRecord> {
  if (known.highestTerm > 0) yield { kind: 'highest_term', term: known.highestTerm };
  for (const base of known.cgroupBases) yield { kind: 'cgroup_base', base };
  for (const [run, epoch] of known.spent.entries()) yield { kind: 'spent', run, epoch };
  // After the runs that have epochs of their own: the floor is not meant for them.
  if (known.spent.floor > 0) yield { kind: 'spent_floor', epoch: known.spent.floor };
  for (const attempt of known.attempts.values()) yield { kind: 'attempt', attempt };
}

export function recorded(attempt: Attempt, bootId: string): RecordedAttempt {
  const { run, epoch, policy, frozen, slots, deadline, place, outputRetention, startWall, ended } = attempt;
  return { run, epoch, policy, frozen, slots, deadline, place, outputRetention, startWall, ended, bootId };
}
