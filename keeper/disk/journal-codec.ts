/** Records of the journal: each is one line, the JSON of a `locum.keeper.v1.JournalRecord`. */
import type { JournalRecord } from '../core/record.ts';
import { keptFromJson, keptToJson } from '../wire/kept-codec.ts';
import { type JsonObject, numberOf, objectOf, textOf } from '../wire/proto-json.ts';
import { refOf } from '../wire/request-codec.ts';

export const lineOf = (record: JournalRecord): string => `${JSON.stringify(encode(record))}\n`;

function encode(record: JournalRecord): JsonObject {
  switch (record.kind) {
    case 'spent':
      return { spent: { run: record.run, epoch: String(record.epoch) } };
    case 'spent_floor':
      return { spentFloor: String(record.epoch) };
    case 'attempt':
      return { attempt: { kept: keptToJson(record.attempt), bootId: record.attempt.bootId } };
    case 'forgotten':
      return { forgotten: { run: record.run, epoch: String(record.epoch) } };
    case 'highest_term':
      return { highestTerm: String(record.term) };
    case 'cgroup_base':
      return { cgroupBase: record.base };
  }
}

/**
 * Undefined for a record of a newer version. What it means we can't know, and it would not be here if an older keeper had to.
 * @throws for a line that is no JSON
 */
export function recordOf(line: string): JournalRecord | undefined {
  const record = objectOf(JSON.parse(line));
  if (record['spent'] !== undefined) return { kind: 'spent', ...refOf(record['spent']) };
  if (record['spentFloor'] !== undefined) return { kind: 'spent_floor', epoch: numberOf(record['spentFloor']) };
  if (record['forgotten'] !== undefined) return { kind: 'forgotten', ...refOf(record['forgotten']) };
  if (record['highestTerm'] !== undefined) return { kind: 'highest_term', term: numberOf(record['highestTerm']) };
  if (record['cgroupBase'] !== undefined) return { kind: 'cgroup_base', base: textOf(record['cgroupBase']) };
  const { kept, bootId } = objectOf(record['attempt']);
  const attempt = keptFromJson(kept);
  return attempt && { kind: 'attempt', attempt: { ...attempt, bootId: textOf(bootId) } };
}
