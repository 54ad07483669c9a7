/** Records of the journal, to and from their proto: one line of JSON each. */
import { create, fromJsonString, type MessageInitShape, toJsonString } from '@bufbuild/protobuf';
import { JournalRecordSchema } from '../../shared/gen/locum/keeper/v1/journal_pb.ts';
import type { JournalRecord } from '../core/record.ts';
import { keptFromMessage, keptToMessage } from '../wire/kept-codec.ts';

export const lineOf = (record: JournalRecord): string =>
  `${toJsonString(JournalRecordSchema, create(JournalRecordSchema, { record: encode(record) }))}\n`;

type RecordInit = NonNullable<MessageInitShape<typeof JournalRecordSchema>['record']>;

function encode(record: JournalRecord): RecordInit {
  switch (record.kind) {
    case 'spent':
      return { case: 'spent', value: { run: record.run, epoch: BigInt(record.epoch) } };
    case 'spent_floor':
      return { case: 'spentFloor', value: BigInt(record.epoch) };
    case 'attempt': {
      const { attempt } = record;
      return { case: 'attempt', value: { kept: keptToMessage(attempt), bootId: attempt.bootId } };
    }
    case 'forgotten':
      return { case: 'forgotten', value: { run: record.run, epoch: BigInt(record.epoch) } };
    case 'highest_term':
      return { case: 'highestTerm', value: BigInt(record.term) };
    case 'cgroup_base':
      return { case: 'cgroupBase', value: record.base };
  }
}

/** Undefined for a record of a newer version. What it means we can't know, and it would not be here if an older keeper had to. */
export function recordOf(line: string): JournalRecord | undefined {
  const { record } = fromJsonString(JournalRecordSchema, line, { ignoreUnknownFields: true });
  switch (record.case) {
    case 'spent':
      return { kind: 'spent', run: record.value.run, epoch: Number(record.value.epoch) };
    case 'spentFloor':
      return { kind: 'spent_floor', epoch: Number(record.value) };
    case 'attempt': {
      const { kept, bootId } = record.value;
      const attempt = kept && keptFromMessage(kept);
      return attempt && { kind: 'attempt', attempt: { ...attempt, bootId } };
    }
    case 'forgotten':
      return { kind: 'forgotten', run: record.value.run, epoch: Number(record.value.epoch) };
    case 'highestTerm':
      return { kind: 'highest_term', term: Number(record.value) };
    case 'cgroupBase':
      return { kind: 'cgroup_base', base: record.value };
    case undefined:
      return undefined;
  }
}
