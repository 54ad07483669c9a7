/**
 * The audit as a file of JSON lines, one entry each: what `locum audit export` prints. It is opened anew for each batch, so whoever rotates
 * it only has to rename it. An entry that a crash left half is taken away and written again; whole ones are never written twice.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { fromJsonString } from '@bufbuild/protobuf';
import type { AuditEntry } from '../../shared/access/audit-chain.ts';
import { errorCode } from '../../shared/caught-error.ts';
import { auditEntryFromProto, auditLine } from '../../shared/codec/audit.ts';
import { AuditEntrySchema } from '../../shared/gen/locum/v1/audit_pb.ts';
import { MIB } from '../../shared/limits.ts';
import { type AuditPosition, positionAfter } from './audit-position.ts';
import type { AuditSink } from './audit-sink.ts';
import { PositionFile } from './position-file.ts';

/** More than any batch: how much of the end is looked at. Of what is older, the position file tells. */
const TAIL_BYTES = 2 * MIB;
const NEWLINE = 0x0a;

export class FileSink implements AuditSink {
  readonly name: string;
  readonly everywhere = true;
  readonly #path: string;
  readonly #position: PositionFile;
  #reached: AuditPosition | undefined;

  constructor(path: string, clusterId: string) {
    this.#path = path;
    this.name = `file ${path}`;
    this.#position = new PositionFile(`${path}.position`, clusterId);
  }

  async begin(): Promise<AuditPosition> {
    const reached = positionAfter(await this.#position.read(), await this.#tail());
    this.#reached = reached;
    return reached;
  }

  async write(entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.appendFile(entries.map((entry) => `${auditLine(entry)}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    this.#reached = positionAfter(this.#reached ?? (await this.#position.read()), entries);
    await this.#position.write(this.#reached);
  }

  /** The entries at the end of the file, after what a crash left of a line is cut off. */
  async #tail(): Promise<readonly AuditEntry[]> {
    let file: FileHandle;
    try {
      file = await open(this.#path, 'r+');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - TAIL_BYTES);
      const bytes = Buffer.alloc(size - from);
      await file.read(bytes, 0, bytes.length, from);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end < bytes.length) await file.truncate(from + end);
      // What the cut at the front left of a line is no entry.
      const begin = from === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      return bytes
        .subarray(begin, end)
        .toString()
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [entryIn(line, this.#path)]));
    } finally {
      await file.close();
    }
  }
}

function entryIn(line: string, path: string): AuditEntry {
  try {
    return auditEntryFromProto(fromJsonString(AuditEntrySchema, line));
  } catch (error) {
    throw new Error(`${path} has lines that are no entries of the audit: name another file`, { cause: error });
  }
}
