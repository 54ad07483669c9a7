/** Notes of what happens in front of the core, as one controller hands them to another. */
import { create } from '@bufbuild/protobuf';
import type { AuditFacts } from '../../shared/access/audit-chain.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { requiredTime } from '../../shared/codec/required.ts';
import { invalidField } from '../../shared/errors.ts';
import { AuditEntrySchema, type AuditEntry as PbAuditEntry } from '../../shared/gen/locum/v1/audit_pb.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { printed } from './access-notes.ts';

/** What a controller may write beside the core. */
const KINDS: ReadonlySet<string> = new Set(['DENIAL', 'READ', 'LOST', 'CHANGE']);

export const noteToProto = ({ count, firstWall, lastWall, ...texts }: AuditFacts): PbAuditEntry =>
  create(AuditEntrySchema, {
    ...texts,
    count: toUint64(count),
    firstTime: toTimestamp(firstWall),
    lastTime: toTimestamp(lastWall),
  });

/** `field`: where it stands in its request. @throws LocumError INVALID_FIELD */
export function factsOf(note: PbAuditEntry, field: string): AuditFacts {
  if (!KINDS.has(note.kind)) throw invalidField(`${field}.kind`, `must be one of ${[...KINDS].join(', ')}`);
  return {
    kind: note.kind,
    ...printed(note),
    count: fromUint64(note.count, `${field}.count`),
    firstWall: requiredTime(note.firstTime, `${field}.first_time`),
    lastWall: requiredTime(note.lastTime, `${field}.last_time`),
  };
}
