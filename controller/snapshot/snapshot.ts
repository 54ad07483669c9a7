/**
 * Snapshots: everything in a store at one moment, as a file. They are the backup, and the way from SQLite to etcd and back. A
 * restore makes a store of the next incarnation: all its terms and epochs are above those of the store that was saved, also above
 * those that came after the snapshot (semantics C9).
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { toUint64 } from '../../shared/codec/numbers.ts';
import { type Snapshot, SnapshotSchema } from '../../shared/gen/locum/store/v1/snapshot_pb.ts';
import { inParts } from '../../shared/parts.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { decodeRecord } from '../codec/record.ts';
import { createStore, type OpenStoreOptions } from '../store/open.ts';
import { StoreError } from '../store/store.ts';
import type { StateCopy } from './state-copy.ts';

const FORMAT_VERSION = 1;
const HEAD = /^locum snapshot ([0-9a-f]{64})\n/;
/** Bytes of the first line. */
const HEAD_BYTES = 'locum snapshot '.length + 64 + 1;

/** The pieces that a file is made, hashed and sent in have as many records as fit, or one that does not. */
const PIECE_BYTES = 256 * 1024;

/** A snapshot file, in pieces: a gigabyte in one step would keep every agent waiting. */
export async function encodeSnapshot(copy: StateCopy, nowWall: number): Promise<readonly Uint8Array[]> {
  const { clusterId, incarnation, term, version, records } = copy;
  const head = {
    formatVersion: FORMAT_VERSION,
    clusterId,
    incarnation: toUint64(incarnation),
    term: toUint64(term),
    createTime: toTimestamp(nowWall),
    version,
  };
  const hash = createHash('sha256');
  const pieces: Uint8Array[] = [];
  // Messages that stand one behind the other are one message with the fields of all.
  const add = (part: MessageInitShape<typeof SnapshotSchema>): void => {
    const piece = toBinary(SnapshotSchema, create(SnapshotSchema, part));
    hash.update(piece);
    pieces.push(piece);
  };
  add(head);
  const pairs = Array.from(records, ([key, value]) => ({ key, value }));
  for (const part of inParts(pairs, ({ key, value }) => key.length + value.length, PIECE_BYTES)) {
    add({ records: [...part] });
    await turn();
  }
  return [Buffer.from(`locum snapshot ${hash.digest('hex')}\n`), ...pieces];
}

/** @throws StoreError NOT_A_STORE when it is no snapshot; CORRUPT when its checksum or a record is wrong; NEWER_SCHEMA */
export function decodeSnapshot(file: Uint8Array): Snapshot {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const [, expected] = HEAD.exec(bytes.subarray(0, HEAD_BYTES).toString('latin1')) ?? [];
  if (expected === undefined) throw new StoreError('NOT_A_STORE', 'This file is no snapshot of Locum.');
  const body = bytes.subarray(HEAD_BYTES);
  if (sha256(body) !== expected) {
    throw new StoreError(
      'CORRUPT',
      'The checksum of this snapshot is wrong: it is cut short or was changed. Use another one.',
    );
  }
  const snapshot = fromBinary(SnapshotSchema, body);
  if (snapshot.formatVersion > FORMAT_VERSION) {
    throw new StoreError(
      'NEWER_SCHEMA',
      `This snapshot has format ${snapshot.formatVersion}, made by version ${snapshot.version}.`,
    );
  }
  for (const { key, value } of snapshot.records) decodeRecord(key, value);
  return snapshot;
}

export interface Restored {
  readonly clusterId: string;
  readonly incarnation: number;
  readonly records: number;
}

/**
 * Makes a store of a snapshot, as its next incarnation, whole or not at all: a restore that was killed is repeated.
 *
 * @throws StoreError NOT_A_STORE when there is a store already; what making a store can throw
 */
export async function restoreSnapshot(
  snapshot: Snapshot,
  spec: string,
  options: Pick<OpenStoreOptions, 'etcd'> = {},
): Promise<Restored> {
  const identity = { clusterId: snapshot.clusterId, incarnation: Number(snapshot.incarnation) + 1 };
  await createStore(spec, { identity, records: snapshot.records }, options);
  return { ...identity, records: snapshot.records.length };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
