/** What the journal says, folded: what a keeper has to know of its predecessors. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type JournaledAttempt,
  type JournaledAttemptSchema,
  type JournalRecord,
  JournalRecordSchema,
} from '../shared/gen/locum/keeper/v1/journal_pb.ts';
import { MAX_SPENT_RUNS } from './core/limits.ts';
import { SpentEpochs } from './core/spent-epochs.ts';

/** Names an attempt in maps and in names of folders. */
export const attemptKey = (run: string, epoch: number | bigint): string => `${run}-${epoch}`;

export class JournalState {
  readonly spent = new SpentEpochs(MAX_SPENT_RUNS);
  /** Attempts that run, ran when their keeper died, or ended and were not forgotten; oldest first. */
  readonly attempts = new Map<string, JournaledAttempt>();
  readonly cgroupBases = new Set<string>();
  /** 0: none seen. */
  highestTerm = 0;

  apply({ record }: JournalRecord): void {
    switch (record.case) {
      case 'spent':
        this.spent.spend(record.value.run, Number(record.value.epoch));
        return;
      case 'spentFloor':
        this.spent.raiseFloor(Number(record.value));
        return;
      case 'attempt': {
        const status = record.value.kept?.status;
        if (status !== undefined) this.attempts.set(attemptKey(status.run, status.epoch), record.value);
        return;
      }
      case 'forgotten':
        this.attempts.delete(attemptKey(record.value.run, record.value.epoch));
        return;
      case 'highestTerm':
        this.highestTerm = Math.max(this.highestTerm, Number(record.value));
        return;
      case 'cgroupBase':
        this.cgroupBases.add(record.value);
        return;
      case undefined:
        // Of a newer version: what it means we can't know, and it would not be here if an older keeper had to.
        return;
    }
  }

  /** The fewest records that fold to the same. */
  *records(): Generator<JournalRecord> {
    if (this.highestTerm > 0) yield record({ case: 'highestTerm', value: BigInt(this.highestTerm) });
    for (const value of this.cgroupBases) yield record({ case: 'cgroupBase', value });
    for (const [run, epoch] of this.spent.entries()) yield spentRecord(run, epoch);
    // After the runs that have epochs of their own: the floor is not meant for them.
    if (this.spent.floor > 0) yield record({ case: 'spentFloor', value: BigInt(this.spent.floor) });
    for (const value of this.attempts.values()) yield record({ case: 'attempt', value });
  }
}

type RecordInit = NonNullable<MessageInitShape<typeof JournalRecordSchema>['record']>;

function record(value: RecordInit): JournalRecord {
  return create(JournalRecordSchema, { record: value });
}

export function spentRecord(run: string, epoch: number): JournalRecord {
  return record({ case: 'spent', value: { run, epoch: BigInt(epoch) } });
}

export function attemptRecord(value: MessageInitShape<typeof JournaledAttemptSchema>): JournalRecord {
  return record({ case: 'attempt', value });
}

export function forgottenRecord(run: string, epoch: number): JournalRecord {
  return record({ case: 'forgotten', value: { run, epoch: BigInt(epoch) } });
}

export function highestTermRecord(term: number): JournalRecord {
  return record({ case: 'highestTerm', value: BigInt(term) });
}

export function cgroupBaseRecord(base: string): JournalRecord {
  return record({ case: 'cgroupBase', value: base });
}
