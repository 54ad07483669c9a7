/** Records of the store: `StateRecord` ⇄ bytes of locum.store.v1.Record. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageOf } from '../../shared/caught-error.ts';
import {
  auditEntryFromProto,
  auditEntryToProto,
  auditHeadFromProto,
  auditHeadToProto,
} from '../../shared/codec/audit.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { LocumError } from '../../shared/errors.ts';
import {
  MetaSchema,
  type Meta as PbMeta,
  type Record as PbRecord,
  type Request as PbRequest,
  RecordSchema,
  RequestSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import { recordKey } from '../core/records/keys.ts';
import type { Meta } from '../core/records/meta.ts';
import type { RequestRecord, StateRecord } from '../core/records/state.ts';
import { StoreError } from '../store/store.ts';
import { roleFromRecord, roleToRecord, tokenFromRecord, tokenToRecord, userFromProto, userToProto } from './access.ts';
import { authorityFromRecord, authorityToRecord } from './authority.ts';
import { eventFromProto, eventToProto } from './event.ts';
import { hookFromProto, hookToProto } from './hook.ts';
import { joinTokenFromRecord, joinTokenToRecord } from './join-token.ts';
import { policyFromRecord, policyToRecord } from './policy.ts';
import { poolFromRecord, poolToRecord } from './pool.ts';
import { revocationFromProto, revocationToProto } from './revocation.ts';
import { runFromRecord, runToRecord } from './run.ts';
import { serverFromRecord, serverToRecord } from './server.ts';

/** Raised when an older controller would misread what a newer one writes; additions that it may ignore do not raise it. */
export const SCHEMA_VERSION = 1;

export function encodeRecord(record: StateRecord): Uint8Array {
  return toBinary(RecordSchema, create(RecordSchema, { schemaVersion: SCHEMA_VERSION, record: contentOf(record) }));
}

function contentOf(record: StateRecord): PbRecord['record'] {
  switch (record.kind) {
    case 'meta':
      return { case: 'meta', value: metaToProto(record) };
    case 'pool':
      return { case: 'pool', value: poolToRecord(record) };
    case 'server':
      return { case: 'server', value: serverToRecord(record) };
    case 'policy':
      return { case: 'policy', value: policyToRecord(record) };
    case 'run':
      return { case: 'run', value: runToRecord(record) };
    case 'event':
      return { case: 'event', value: eventToProto(record) };
    case 'request':
      return { case: 'request', value: requestToProto(record) };
    case 'join_token':
      return { case: 'joinToken', value: joinTokenToRecord(record) };
    case 'revocation':
      return { case: 'revocation', value: revocationToProto(record) };
    case 'authority':
      return { case: 'authority', value: authorityToRecord(record) };
    case 'audit':
      return { case: 'audit', value: auditEntryToProto(record.entry) };
    case 'audit_head':
      return { case: 'auditHead', value: auditHeadToProto(record) };
    case 'role':
      return { case: 'role', value: roleToRecord(record) };
    case 'token':
      return { case: 'token', value: tokenToRecord(record) };
    case 'user':
      return { case: 'user', value: userToProto(record) };
    case 'hook':
      return { case: 'hook', value: hookToProto(record) };
  }
}

/**
 * @throws StoreError NEWER_SCHEMA when a newer controller wrote it; CORRUPT when it can't be read or stands under a key that is
 * not its own. A controller that meets one refuses to start: leaving a record out would forget what runs.
 */
export function decodeRecord(key: string, bytes: Uint8Array): StateRecord {
  const message = parse(key, bytes);
  if (message.schemaVersion > SCHEMA_VERSION) throw newerSchema(key, message.schemaVersion);
  const record = guarded(key, () => fromContent(key, message));
  if (recordKey(record) !== key) throw corrupt(key, `it holds ${recordKey(record)}`);
  return record;
}

function parse(key: string, bytes: Uint8Array): PbRecord {
  try {
    return fromBinary(RecordSchema, bytes);
  } catch (error) {
    throw corrupt(key, messageOf(error));
  }
}

function guarded(key: string, convert: () => StateRecord): StateRecord {
  try {
    return convert();
  } catch (error) {
    if (error instanceof LocumError) throw corrupt(key, error.message);
    throw error;
  }
}

function fromContent(key: string, { record, schemaVersion }: PbRecord): StateRecord {
  switch (record.case) {
    case 'meta':
      return metaFromProto(record.value);
    case 'pool':
      return poolFromRecord(record.value);
    case 'server':
      return serverFromRecord(record.value);
    case 'policy':
      return policyFromRecord(record.value);
    case 'run':
      return runFromRecord(record.value);
    case 'event':
      return eventFromProto(record.value);
    case 'request':
      return requestFromProto(record.value);
    case 'joinToken':
      return joinTokenFromRecord(record.value);
    case 'revocation':
      return revocationFromProto(record.value);
    case 'authority':
      return authorityFromRecord(record.value);
    case 'audit':
      return { kind: 'audit', entry: auditEntryFromProto(record.value) };
    case 'auditHead':
      return { kind: 'audit_head', ...auditHeadFromProto(record.value) };
    case 'role':
      return roleFromRecord(record.value);
    case 'token':
      return tokenFromRecord(record.value);
    case 'user':
      return userFromProto(record.value);
    case 'hook':
      return hookFromProto(record.value);
    case undefined:
      throw corrupt(key, `it has schema version ${schemaVersion} and nothing that is known`);
  }
}

function metaToProto({ lastEpoch, lastRun, lastEvent, lastEventBefore, lastUid, droppedEvent, age }: Meta): PbMeta {
  return create(MetaSchema, {
    lastEpoch: toUint64(lastEpoch),
    lastRun: toUint64(lastRun),
    lastEvent: toUint64(lastEvent),
    lastEventBefore: toUint64(lastEventBefore),
    lastUid: toUint64(lastUid),
    droppedEvent: toUint64(droppedEvent),
    ageMs: toUint64(age),
  });
}

function metaFromProto(meta: PbMeta): Meta {
  return {
    kind: 'meta',
    lastEpoch: fromUint64(meta.lastEpoch, 'last_epoch'),
    lastRun: fromUint64(meta.lastRun, 'last_run'),
    lastEvent: fromUint64(meta.lastEvent, 'last_event'),
    lastEventBefore: fromUint64(meta.lastEventBefore, 'last_event_before'),
    lastUid: fromUint64(meta.lastUid, 'last_uid'),
    droppedEvent: fromUint64(meta.droppedEvent, 'dropped_event'),
    age: fromUint64(meta.ageMs, 'age_ms'),
  };
}

function requestToProto({ id, client, age, fingerprint, resource }: RequestRecord): PbRequest {
  return create(RequestSchema, { id, client, ageMs: toUint64(age), fingerprint, resource });
}

function requestFromProto({ id, client, ageMs, fingerprint, resource }: PbRequest): RequestRecord {
  return { kind: 'request', id, client, age: fromUint64(ageMs, 'age_ms'), fingerprint, resource };
}

function newerSchema(key: string, version: number): StoreError {
  return new StoreError(
    'NEWER_SCHEMA',
    `Record ${key} has schema version ${version}; this controller knows ${SCHEMA_VERSION}. Start the newer controller that wrote it.`,
  );
}

function corrupt(key: string, problem: string): StoreError {
  return new StoreError(
    'CORRUPT',
    `Record ${key} of the store can't be read: ${problem}. Restore the store from a backup; nothing was changed.`,
  );
}
