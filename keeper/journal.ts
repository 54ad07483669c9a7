/**
 * The keeper's memory of itself: a file of lines that is only ever appended to, and written anew when most of it is outdated.
 *
 * It is for the next keeper of the same boot: a crash of the host ends every process and every session with it, so nothing is
 * flushed to the disk. A last line that a `kill -9` cut short is left out when it is read.
 */

import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { isGone } from '../shared/caught-error.ts';
import { type JournalRecord, JournalRecordSchema } from '../shared/gen/locum/keeper/v1/journal_pb.ts';
import { JournalState } from './journal-state.ts';

/** Written anew past this size, and past twice the size that it had then. */
const COMPACT_PAST_BYTES = 4 * 1024 * 1024;

const lineOf = (record: JournalRecord): string => `${toJsonString(JournalRecordSchema, record)}\n`;

export class Journal {
  /** What has been written, and what is about to be. */
  readonly state: JournalState;
  private readonly path: string;
  private file: FileHandle;
  private bytes: number;
  private compactPastBytes: number;
  private waiting = '';
  /** The write that `waiting` will be part of; undefined when nothing waits. */
  private next: Promise<void> | undefined;
  private writing: Promise<void> = Promise.resolve();

  private constructor(path: string, state: JournalState, file: FileHandle, bytes: number) {
    this.path = path;
    this.state = state;
    this.file = file;
    this.bytes = bytes;
    this.compactPastBytes = Math.max(COMPACT_PAST_BYTES, 2 * bytes);
  }

  /** Reads the journal and writes it anew. `unread` is the number of lines that made no sense; 1 after a crash is normal. */
  static async open(path: string): Promise<{ readonly journal: Journal; readonly unread: number }> {
    const state = new JournalState();
    const unread = foldLines(await readIfThere(path), state);
    const { file, bytes } = await writeAnew(path, state);
    return { journal: new Journal(path, state, file, bytes), unread };
  }

  /** Resolves once the operating system has the record; rejects when it does not take it, as on a full disk. */
  append(record: JournalRecord): Promise<void> {
    this.state.apply(record);
    this.waiting += lineOf(record);
    this.next ??= this.writing
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        this.writing = this.write();
        return this.writing;
      });
    return this.next;
  }

  async close(): Promise<void> {
    await (this.next ?? this.writing).catch(() => undefined);
    await this.file.close();
  }

  private async write(): Promise<void> {
    // A write that failed may have left half a line: an empty one in front costs nothing and saves the next.
    const lines = Buffer.from(`\n${this.waiting}`);
    this.waiting = '';
    await this.file.appendFile(lines);
    this.bytes += lines.length;
    if (this.bytes > this.compactPastBytes) await this.compact();
  }

  private async compact(): Promise<void> {
    const outdated = this.file;
    const { file, bytes } = await writeAnew(this.path, this.state);
    this.file = file;
    this.bytes = bytes;
    this.compactPastBytes = Math.max(COMPACT_PAST_BYTES, 2 * bytes);
    await outdated.close();
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function foldLines(text: string, state: JournalState): number {
  let unread = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      state.apply(fromJsonString(JournalRecordSchema, line, { ignoreUnknownFields: true }));
    } catch {
      unread += 1;
    }
  }
  return unread;
}

/** Writes a new file beside the old one and puts it in its place: at any moment one of them is whole. */
async function writeAnew(path: string, state: JournalState): Promise<{ file: FileHandle; bytes: number }> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  const lines = Buffer.from(Array.from(state.records(), lineOf).join(''));
  await file.appendFile(lines);
  await rename(beside, path);
  return { file, bytes: lines.length };
}
