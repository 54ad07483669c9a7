/**
 * Writes the output of one living attempt. A disk that stalls makes the workload wait, as for any file, and nothing else; a disk that
 * refuses (full, read-only, broken) must never make it wait: what can't be written is lost, and once something can be written again, or
 * at the end, the output says how much.
 */
import { type FileHandle, open, rename, rm, truncate } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { errorCode } from '../../shared/caught-error.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import { type LostOutput, lostLine, type Segment, segmentPath, timesPath } from './output-segments.ts';
import { TimeIndex } from './time-index.ts';

export interface OutputLimits {
  /** A segment is closed once it is at least this long. Default 1 MiB. */
  readonly segmentBytes: number;
  /** Segments kept for each attempt. Default 8. */
  readonly segments: number;
}

export const DEFAULT_OUTPUT_LIMITS: OutputLimits = { segmentBytes: 1024 * 1024, segments: 8 };

export interface OutputLogOptions {
  /** It is there, and has no output in it yet. */
  readonly directory: string;
  readonly limits: OutputLimits;
  readonly reader: Readable;
  /** Writes wait their turn in it, one at a time for all attempts. */
  readonly lane: DiskLane;
  /** Told why, when output begins to be lost: the disk should be looked at. */
  readonly suspect: (error: unknown) => void;
  /** Milliseconds since 1970. Default: the host's clock. */
  readonly now?: () => number;
}

/** After the tree is empty the pipe ends by itself, unless somebody outside the tree was given it. */
const LAST_BYTES_MS = 1_000;

export class OutputLog {
  /** Resolves once the last byte is written, or lost. */
  readonly done: Promise<void>;
  readonly #options: OutputLogOptions;
  readonly #segments: Pick<Segment, 'path' | 'offset'>[] = [];
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #times: TimeIndex | undefined;
  /** Offset of the next byte. */
  #size = 0;
  /** Bytes that were lost since something could be written, and the reason in one word. */
  #lost: LostOutput = { bytes: 0, why: '' };
  #isDone = false;

  /** Begins to copy at once. */
  constructor(options: OutputLogOptions) {
    this.#options = options;
    this.done = this.#copy();
  }

  /** Whether the last byte is written. */
  get finished(): boolean {
    return this.#isDone;
  }

  /** The tree is empty: what is still in the pipe is the end. */
  finish(): void {
    const timer = setTimeout(() => this.#options.reader.destroy(), LAST_BYTES_MS);
    void this.done.then(() => clearTimeout(timer));
  }

  async #copy(): Promise<void> {
    const { reader, lane, limits } = this.#options;
    try {
      // Made before there is anything to write: who reads sees an empty output, not a missing one.
      await lane.run(() => this.#fileWithRoom()).catch(() => undefined);
      // One chunk at a time: while it is written the pipe fills up and the workload waits for the disk, as for any file.
      for await (const chunk of reader) {
        // A pipe may hand over more at once than a segment may hold.
        for (let from = 0; from < chunk.length; from += limits.segmentBytes)
          await this.#keep(chunk.subarray(from, from + limits.segmentBytes));
      }
    } catch {
      // The pipe was given up: somebody outside the tree holds it.
    } finally {
      if (this.#lost.bytes > 0) await this.#keep(Buffer.alloc(0));
      if (this.#lost.bytes > 0) await lane.run(() => this.#nameWhatIsLost()).catch(() => undefined);
      await this.#closeFile();
      this.#isDone = true;
    }
  }

  async #keep(chunk: Buffer): Promise<void> {
    let written = 0;
    const wall = (this.#options.now ?? Date.now)();
    try {
      await this.#options.lane.run(async () => {
        await this.#sayWhatIsLost();
        const file = await this.#fileWithRoom();
        if (chunk.length > 0) await this.#times?.note({ offset: this.#fileBytes, wall });
        while (written < chunk.length) {
          const { bytesWritten } = await file.write(chunk, written);
          written += bytesWritten;
          this.#advance(bytesWritten);
        }
      });
    } catch (error) {
      if (this.#lost.bytes === 0) this.#options.suspect(error);
      this.#lost = { bytes: this.#lost.bytes + chunk.length - written, why: reasonOf(error) };
      await this.#closeFile();
    }
  }

  /**
   * The line stands where the lost bytes would, in a segment of its own. Offsets don't count what was lost: a gap in them always
   * means that something was rotated out, so whoever reads can name the cause.
   */
  async #sayWhatIsLost(): Promise<void> {
    if (this.#lost.bytes === 0) return;
    const line = lostLine(this.#lost);
    const file = await this.#fileWithRoom();
    const { bytesWritten } = await file.write(line);
    // What there is of it is overwritten by the next attempt to say it.
    if (bytesWritten < line.length) throw Object.assign(new Error('no room for a line'), { code: 'ENOSPC' });
    this.#advance(line.length);
    this.#lost = { bytes: 0, why: '' };
  }

  /** The disk is full up to the end: the line has no room, but the name of the last segment can say it. */
  async #nameWhatIsLost(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined) return;
    // A part of the line may be there.
    await truncate(last.path, this.#size - last.offset);
    await rename(last.path, segmentPath(this.#options.directory, last.offset, this.#lost));
  }

  #advance(bytes: number): void {
    this.#size += bytes;
    this.#fileBytes += bytes;
  }

  async #closeFile(): Promise<void> {
    const [file, times] = [this.#file, this.#times];
    this.#file = undefined;
    this.#times = undefined;
    await this.#options.lane
      .run(async () => {
        await times?.close();
        await file?.close();
      })
      .catch(() => undefined);
  }

  async #fileWithRoom(): Promise<FileHandle> {
    const { directory, limits } = this.#options;
    if (this.#file !== undefined && this.#fileBytes < limits.segmentBytes) return this.#file;
    await this.#times?.close();
    await this.#file?.close();
    this.#file = undefined;
    const path = segmentPath(directory, this.#size);
    // Anew: a write that failed in its middle may have left a part under this name.
    this.#file = await open(path, 'w', 0o600);
    this.#fileBytes = 0;
    this.#times = new TimeIndex(timesPath(directory, this.#size), limits.segmentBytes);
    if (this.#segments.at(-1)?.path !== path) this.#segments.push({ path, offset: this.#size });
    const outdated = this.#segments.splice(0, Math.max(0, this.#segments.length - limits.segments));
    for (const { path: old, offset } of outdated) {
      await rm(timesPath(directory, offset), { force: true });
      await rm(old, { force: true });
    }
    return this.#file;
  }
}

function reasonOf(error: unknown): string {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'no space';
  if (code === 'EROFS') return 'read-only file system';
  return code === '' ? 'can not be written' : code;
}
