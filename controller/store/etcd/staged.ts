/**
 * Commits that are larger than one transaction of etcd (ADR 0010). Their writes are staged in keys of their own, chunk by chunk; the
 * transaction with the last chunk moves the head, and makes all of them part of the store at once, for whoever reads by the rule:
 * records are what their keys hold, and over that what a staged head names. Then they are unfolded into their records.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { StagedChunkSchema } from '../../../shared/gen/locum/store/v1/staged_pb.ts';
import type { CommitOutcome, Write } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { CHUNK, cutWrites, TRANSACTION } from './cut.ts';
import { damaged, type Keys, type StagedHead } from './keys.ts';
import { readAll } from './pages.ts';
import { deleteOp, deleteRangeOp, putOp, type TermWriter } from './term-writer.ts';

/** Stages the writes; the last transaction makes them the commit `number`. */
export async function stage(
  writer: TermWriter,
  keys: Keys,
  commit: { readonly term: number; readonly number: number; readonly attempt: number },
  writes: readonly Write[],
): Promise<CommitOutcome> {
  const { term, number, attempt } = commit;
  const chunks = cutWrites(writes, CHUNK).map(encodeChunk);
  const ops = chunks.map((chunk, index) => putOp(keys.chunk(attempt, index), chunk));
  for (const op of ops.slice(0, -1)) {
    const outcome = await writer.write([op]);
    if (outcome.kind !== 'committed') return outcome;
  }
  return writer.write(ops.slice(-1), { term, number, form: { attempt, chunks: chunks.length } });
}

/** Puts what is staged into the records. Nothing changes for readers, so it may be done again from the start. */
export async function unfold(
  writer: TermWriter,
  keys: Keys,
  { term, number }: StagedHead,
  writes: readonly Write[],
): Promise<CommitOutcome> {
  const pieces = cutWrites(writes, TRANSACTION).map((piece) => recordOps(keys, piece));
  for (const ops of pieces.slice(0, -1)) {
    const outcome = await writer.write(ops);
    if (outcome.kind !== 'committed') return outcome;
  }
  return writer.write([deleteRangeOp(keys.staged), ...pieces.slice(-1).flat()], { term, number, form: 'unfolded' });
}

export function recordOps(keys: Keys, writes: readonly Write[]) {
  return writes.map((write) => {
    const key = keys.record(write.key);
    return write.kind === 'put' ? putOp(key, write.value) : deleteOp(key);
  });
}

/** The writes that a head names, as they were at a revision at which it stood. Rejects with an EtcdFault. */
export async function readStaged(
  client: EtcdClient,
  keys: Keys,
  { form }: StagedHead,
  revision: bigint,
): Promise<Write[]> {
  const { found } = await readAll(client, keys.chunks(form.attempt), revision);
  const chunks = found.map(({ value }) => value);
  return decodeChunks(form.chunks, chunks);
}

/** @throws StoreError CORRUPT when it is not as many as the head says */
function decodeChunks(expected: number, chunks: readonly Uint8Array[]): Write[] {
  if (chunks.length !== expected) throw damaged('staged');
  return chunks.flatMap((chunk) =>
    fromBinary(StagedChunkSchema, chunk).writes.map(({ key, value }): Write => {
      return value === undefined ? { kind: 'delete', key } : { kind: 'put', key, value };
    }),
  );
}

function encodeChunk(writes: readonly Write[]): Uint8Array<ArrayBuffer> {
  const chunk = create(StagedChunkSchema, {
    writes: writes.map((write) => (write.kind === 'put' ? { key: write.key, value: write.value } : { key: write.key })),
  });
  return Uint8Array.from(toBinary(StagedChunkSchema, chunk));
}
