/**
 * The keeper's memory of itself: a file of lines that is only ever appended to, and written anew when most of it is outdated.
 *
 * It is for the next keeper of the same boot: a crash of the host ends every process and every session with it, so nothing is
 * flushed to the disk. A last line that a `kill -9` cut short is left out when it is read. What the disk does not take is kept and tried
 * again: nothing is let run meanwhile, so the next keeper misses ends at most, and takes them for lost.
 */
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { isGone, messageOf } from '../../shared/caught-error.ts';
import { DiskLane, DiskStalledError } from '../../shared/disk-lane.ts';
import { foldRecord, type JournalRecord, nothingRecovered, type Recovered } from '../core/record.ts';
import { lineOf, recordOf } from './journal-codec.ts';

/** Written anew past this size, and past twice the size that it had then. */
const COMPACT_PAST_BYTES = 4 * 1024 * 1024;
/** Lines that the disk does not take; past it they are dropped, and the journal is written anew when it takes something again. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface JournalOptions {
  readonly path: string;
  /** How long a record may take before whoever waits for it is told that it is late. Default 2 s. */
  readonly limitMs?: number;
  /** The fewest records that say what is known now: what a journal that is written anew consists of. */
  readonly snapshot: () => Iterable<JournalRecord>;
}

const DEFAULT_LIMIT_MS = 2_000;

/** What is there of earlier keepers. `unread` is the number of lines that made no sense; 1 after a crash is normal. */
export async function readJournal(path: string): Promise<{ readonly recovered: Recovered; readonly unread: number }> {
  const recovered = nothingRecovered();
  let unread = 0;
  for (const line of (await readIfThere(path)).split('\n')) {
    if (line === '') continue;
    try {
      const record = recordOf(line);
      if (record !== undefined) foldRecord(recovered, record);
    } catch {
      unread += 1;
    }
  }
  return { recovered, unread };
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #lane: DiskLane;
  #file: FileHandle | undefined;
  #bytes = 0;
  #compactPastBytes = COMPACT_PAST_BYTES;
  /** Lines that the disk has not taken, in order. */
  #waiting = '';
  /** How often lines were dropped, and how often when it was last written anew: where they differ, only all of it, written anew, is the truth. */
  #tears = 0;
  #tearsMended = 0;
  /** The write that `#waiting` will be part of. */
  #next: Promise<void> | undefined;
  #problem: unknown;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#lane = new DiskLane('the journal', options.limitMs ?? DEFAULT_LIMIT_MS);
  }

  /** Something was asked of the disk that has not come back. */
  get busy(): boolean {
    return this.#lane.busy;
  }

  /** Why the disk did not take the last write. Undefined: it did. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Writes the journal anew. A full disk may have no room for that: then the old file is appended to. */
  async open(): Promise<void> {
    await this.#write(async () => {
      await this.#writeAnew().catch(async () => {
        await rm(`${this.#options.path}.new`, { force: true });
        this.#file = await open(this.#options.path, 'a', 0o600);
        this.#bytes = (await this.#file.stat()).size;
      });
    });
  }

  /** Resolves once the operating system has the record; rejects when it does not take it, as on a full disk, or not in time. */
  append(record: JournalRecord): Promise<void> {
    if (this.#waiting.length > MAX_WAITING_BYTES) {
      this.#tears += 1;
      this.#waiting = '';
    }
    this.#waiting += lineOf(record);
    this.#next ??= Promise.resolve().then(() => {
      this.#next = undefined;
      return this.#write(() => this.#flush());
    });
    return this.#next;
  }

  /** Tries again what the disk has not taken. */
  retry(): Promise<void> {
    if (this.#waiting === '' && !this.#isTorn && this.#file !== undefined) return Promise.resolve();
    return this.#write(() => this.#flush());
  }

  async close(): Promise<void> {
    await this.retry().catch(() => undefined);
    await this.#lane.run(async () => this.#file?.close()).catch(() => undefined);
  }

  get #isTorn(): boolean {
    return this.#tears !== this.#tearsMended;
  }

  async #write(work: () => Promise<void>): Promise<void> {
    try {
      await this.#lane.run(work);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error;
      throw error;
    }
  }

  async #flush(): Promise<void> {
    if (this.#isTorn || this.#file === undefined) return this.#writeAnew();
    // A write that failed may have left half a line: an empty one in front costs nothing and saves the next.
    const text = this.#waiting;
    const tears = this.#tears;
    const lines = Buffer.from(`\n${text}`);
    await this.#file.appendFile(lines);
    this.#forget(text.length, tears);
    this.#bytes += lines.length;
    if (this.#bytes > this.#compactPastBytes) await this.#writeAnew();
  }

  /** A new file beside the old one, then put in its place: at any moment one of them is whole. */
  async #writeAnew(): Promise<void> {
    const { path, snapshot } = this.#options;
    const told = this.#waiting.length;
    const tears = this.#tears;
    const lines = Buffer.from(Array.from(snapshot(), lineOf).join(''));
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.appendFile(lines);
      await rename(`${path}.new`, path);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.#file?.close();
    this.#file = file;
    this.#bytes = lines.length;
    this.#compactPastBytes = Math.max(COMPACT_PAST_BYTES, 2 * lines.length);
    this.#forget(told, tears);
    this.#tearsMended = tears;
  }

  /** The disk has the first `length` characters of what waited. Lines dropped since took those with them: what waits now came later. */
  #forget(length: number, tears: number): void {
    if (tears === this.#tears) this.#waiting = this.#waiting.slice(length);
  }
}

/** In words, for a log. */
export const describeWriteError = (error: unknown): string =>
  error instanceof DiskStalledError ? error.message : `the journal can't be written: ${messageOf(error)}`;

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}
