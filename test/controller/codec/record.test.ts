import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, SCHEMA_VERSION } from '../../../controller/codec/record.ts';
import type { Cause } from '../../../controller/core/records/event-cause.ts';
import type { EventType } from '../../../controller/core/records/event-type.ts';
import { recordKey } from '../../../controller/core/records/keys.ts';
import type { RunReason } from '../../../controller/core/records/run-reason.ts';
import type { Run } from '../../../controller/core/records/state.ts';
import { StoreError } from '../../../controller/store/store.ts';
import { RecordSchema } from '../../../shared/gen/locum/store/v1/record_pb.ts';
import { runs, stateRecords } from './arbitrary-records.ts';

const meta = {
  kind: 'meta',
  lastEpoch: 1,
  lastRun: 2,
  lastEvent: 3,
  lastEventBefore: 1,
  lastUid: 4,
  droppedEvent: 2,
  age: 5,
} as const;

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StoreError) return error.reason;
    throw error;
  }
  return 'no error';
}

/** The key of the record that the bytes are read as, or the reason why they are not. */
function outcomeOf(key: string, bytes: Uint8Array): string {
  let found = 'no record';
  const reason = reasonOf(() => {
    found = recordKey(decodeRecord(key, bytes));
  });
  return reason === 'no error' ? found : reason;
}

describe('records of the store', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(stateRecords, (record) => {
        expect(decodeRecord(recordKey(record), encodeRecord(record))).toEqual(record);
      }),
      { numRuns: 500 },
    );
  });

  it('with a word that tells something and is not known are read, and say so', () => {
    const event = { kind: 'event', number: 1, wall: 0, actor: 'controller', message: 'm', term: 1 } as const;
    const newer = { ...event, type: 'RUN_TELEPORTED' as EventType, cause: 'WORMHOLE' as Cause };
    const known = { ...event, type: 'UNKNOWN_WORD', cause: 'UNKNOWN_WORD' };
    expect(decodeRecord(recordKey(newer), encodeRecord(newer))).toEqual(known);
    fc.assert(
      fc.property(runs, (run) => {
        const word: { readonly reason: RunReason } = { reason: 'WORMHOLE' as RunReason };
        const skips = run.skips.map((skip) => ({ ...skip, ...word }));
        const outcome = run.outcome === undefined ? undefined : ({ ...run.outcome, ...word } as Run['outcome']);
        const state = { ...run.state, ...word } as Run['state'];
        const nextReason = word.reason as Run['nextReason'];
        // A state of the end has few reasons, and takes the one that it has without anybody's doing.
        const read = decodeRecord(recordKey(run), encodeRecord({ ...run, state, nextReason, skips, outcome }));
        expect(JSON.stringify(read)).not.toContain('WORMHOLE');
        expect(read).toMatchObject({ kind: 'run', state: { reason: 'UNKNOWN_WORD' } });
      }),
      { numRuns: 50 },
    );
  });

  it('with a word that decides and is not known are refused as damaged', () => {
    const [run] = fc.sample(runs, { numRuns: 1, seed: 1 });
    const newer = { ...run, nextCause: 'WORMHOLE' } as unknown as Run;
    expect(reasonOf(() => decodeRecord(recordKey(newer), encodeRecord(newer)))).toBe('CORRUPT');
  });

  it('of a newer schema are refused as such, whatever else is in them', () => {
    const bytes = toBinary(RecordSchema, create(RecordSchema, { schemaVersion: SCHEMA_VERSION + 1 }));
    expect(reasonOf(() => decodeRecord('policies/x', bytes))).toBe('NEWER_SCHEMA');
  });

  it('of a kind that is not known are refused as damaged', () => {
    const bytes = toBinary(RecordSchema, create(RecordSchema, { schemaVersion: SCHEMA_VERSION }));
    expect(reasonOf(() => decodeRecord('policies/x', bytes))).toBe('CORRUPT');
  });

  it('under a key that is not their own are refused as damaged', () => {
    expect(reasonOf(() => decodeRecord('pools/default', encodeRecord(meta)))).toBe('CORRUPT');
  });

  it('never throw anything but a StoreError when bytes are cut or changed, and never come back under another key', () => {
    const mutation = fc.tuple(stateRecords, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean());
    fc.assert(
      fc.property(mutation, ([record, at, change, cut]) => {
        const bytes = encodeRecord(record);
        const index = at % bytes.length;
        const damaged = cut ? bytes.slice(0, index) : bytes.with(index, (bytes[index] ?? 0) ^ change);
        const key = recordKey(record);
        expect([key, 'CORRUPT', 'NEWER_SCHEMA']).toContain(outcomeOf(key, damaged));
      }),
      { numRuns: 500 },
    );
  });

  it('with a counter that JavaScript can not count to are refused as damaged', () => {
    const content = { case: 'meta' as const, value: { lastEpoch: 2n ** 53n } };
    const bytes = toBinary(RecordSchema, create(RecordSchema, { schemaVersion: 1, record: content }));
    expect(reasonOf(() => decodeRecord('meta', bytes))).toBe('CORRUPT');
  });
});
