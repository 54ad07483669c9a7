/** The audit: entries and heads ⇄ locum.v1, which is also how the store keeps them and how they are exported. */
import { create, toJsonString } from '@bufbuild/protobuf';
import type { AuditEntry, AuditHead, AuditLogName } from '../access/audit-chain.ts';
import { invalidField } from '../errors.ts';
import {
  AuditEntrySchema,
  AuditHeadSchema,
  type AuditEntry as PbAuditEntry,
  type AuditHead as PbAuditHead,
} from '../gen/locum/v1/audit_pb.ts';
import { printableJson } from '../printable.ts';
import { auditName, parseAuditName } from '../resource-name.ts';
import { toTimestamp } from '../rpc/time-messages.ts';
import { fromUint64, toUint64 } from './numbers.ts';
import { requiredId, requiredTime, requiredWord } from './required.ts';
import { wordSet } from './word-table.ts';

export const auditLogWords = wordSet<AuditLogName>({ CHANGES: true, ACCESS: true });

export function auditEntryToProto(entry: AuditEntry): PbAuditEntry {
  const { log, number, term, count, firstWall, lastWall, ...texts } = entry;
  return create(AuditEntrySchema, {
    ...texts,
    name: auditName(log, number),
    log,
    number: toUint64(number),
    term: toUint64(term),
    count: toUint64(count),
    firstTime: toTimestamp(firstWall),
    lastTime: toTimestamp(lastWall),
  });
}

/** An entry as exports have it: JSON in one line, without what a terminal acts on. */
export const auditLine = (entry: AuditEntry): string =>
  printableJson(toJsonString(AuditEntrySchema, auditEntryToProto(entry)));

/** @throws LocumError INVALID_FIELD for a damaged one; not for a wrong hash, which is for a verifier to tell. */
export function auditEntryFromProto(entry: PbAuditEntry): AuditEntry {
  const { log, number } = requiredId(parseAuditName, entry.name, 'name');
  if (entry.log !== log || fromUint64(entry.number, 'number') !== number) {
    throw invalidField('name', `${entry.name} is not number ${entry.number} of ${JSON.stringify(entry.log)}`);
  }
  const { kind, principal, method, resource, requestId, outcome, source, previousHash, hash } = entry;
  return {
    log,
    number,
    term: fromUint64(entry.term, 'term'),
    ...{ kind, principal, method, resource, requestId, outcome, source, previousHash, hash },
    count: fromUint64(entry.count, 'count'),
    firstWall: requiredTime(entry.firstTime, 'first_time'),
    lastWall: requiredTime(entry.lastTime, 'last_time'),
  };
}

export const auditHeadToProto = ({ log, head, dropped }: AuditHead): PbAuditHead =>
  create(AuditHeadSchema, {
    log,
    number: toUint64(head.number),
    hash: head.hash,
    droppedNumber: toUint64(dropped.number),
    droppedHash: dropped.hash,
  });

/** @throws LocumError INVALID_FIELD for a damaged one. */
export const auditHeadFromProto = (head: PbAuditHead): AuditHead => ({
  log: requiredWord(auditLogWords, head.log, 'log'),
  head: { number: fromUint64(head.number, 'number'), hash: head.hash },
  dropped: { number: fromUint64(head.droppedNumber, 'dropped_number'), hash: head.droppedHash },
});
