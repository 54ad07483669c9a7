/** Writes the output of one living attempt. It takes everything the workload writes: a full disk must never make it wait. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Segment, segmentPath } from './output-segments.ts';

export interface OutputLimits {
  /** A segment is closed once it is at least this long. Default 1 MiB. */
  readonly segmentBytes: number;
  /** Segments kept for each attempt. Default 8. */
  readonly segments: number;
}

export const DEFAULT_OUTPUT_LIMITS: OutputLimits = { segmentBytes: 1024 * 1024, segments: 8 };

/** After the tree is empty the pipe ends by itself, unless somebody outside the tree was given it. */
const LAST_BYTES_MS = 1_000;

export class OutputLog {
  /** Resolves once the last byte is written. */
  readonly done: Promise<void>;
  private readonly directory: string;
  private readonly limits: OutputLimits;
  private readonly reader: Readable;
  private readonly segments: Segment[] = [];
  private file: FileHandle | undefined;
  private fileBytes = 0;
  private size = 0;
  private isDone = false;
  private failure: string | undefined;

  /** Begins to copy at once. `directory` is there, and has no output in it yet. */
  constructor(directory: string, limits: OutputLimits, reader: Readable) {
    this.directory = directory;
    this.limits = limits;
    this.reader = reader;
    this.done = this.copy();
  }

  /** Whether the last byte is written. */
  get finished(): boolean {
    return this.isDone;
  }

  /** Why output was lost; undefined when none was. */
  get problem(): string | undefined {
    return this.failure;
  }

  /** The tree is empty: what is still in the pipe is the end. */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.reader.destroy(), LAST_BYTES_MS);
    await this.done;
    clearTimeout(timer);
  }

  private async copy(): Promise<void> {
    try {
      // Made before there is anything to write: who reads sees an empty output, not a missing one.
      await this.fileWithRoom().catch(() => undefined);
      // One chunk at a time: while it is written the pipe fills up and the workload waits for the disk, as for any file.
      for await (const chunk of this.reader) await this.writeInParts(chunk);
    } catch (error) {
      this.failure ??= String(error);
    } finally {
      await this.file?.close().catch(() => undefined);
      this.isDone = true;
    }
  }

  /** A pipe may hand over more at once than a segment may hold. */
  private async writeInParts(chunk: Buffer): Promise<void> {
    const { segmentBytes } = this.limits;
    for (let from = 0; from < chunk.length; from += segmentBytes)
      await this.write(chunk.subarray(from, from + segmentBytes));
  }

  private async write(chunk: Buffer): Promise<void> {
    try {
      const file = await this.fileWithRoom();
      await file.appendFile(chunk);
    } catch (error) {
      // Dropped: what is missing shows as a jump of the offset, and the workload goes on.
      this.failure ??= String(error);
      await this.file?.close().catch(() => undefined);
      this.file = undefined;
    }
    this.size += chunk.length;
    this.fileBytes += chunk.length;
  }

  private async fileWithRoom(): Promise<FileHandle> {
    if (this.file !== undefined && this.fileBytes < this.limits.segmentBytes) return this.file;
    await this.file?.close();
    this.file = undefined;
    const path = segmentPath(this.directory, this.size);
    this.file = await open(path, 'a', 0o600);
    this.fileBytes = 0;
    this.segments.push({ path, offset: this.size });
    const outdated = this.segments.splice(0, Math.max(0, this.segments.length - this.limits.segments));
    for (const segment of outdated) await rm(segment.path, { force: true });
    return this.file;
  }
}
