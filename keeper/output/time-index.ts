/**
 * When the bytes of a segment of output were read: a file beside it (`0000000000000000.times`), so that the text stays as it was written.
 * Marks of twelve bytes, each with a position in the segment and the time from there on. A segment has room for one mark for each 32 of its
 * bytes; when it is used up, every second one goes, and what stood behind it counts to the one before. An index that can't be written is no
 * reason to lose output: there are no times then.
 */
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';

/** From this byte on, until the next mark. */
export interface TimeMark {
  /** In the segment, or in the whole output: who has it says. */
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly wall: number;
}

const MARK_BYTES = 12;
const BYTES_FOR_A_MARK = 32;
const FEWEST_MARKS = 16;
/** What comes within this time has one. */
const RESOLUTION_MS = 10;

/** The index of the segment that is written. */
export class TimeIndex {
  readonly #path: string;
  readonly #mostMarks: number;
  // All of them would be a megabyte for each attempt that prints much.
  #count = 0;
  #lastWall: number | undefined;
  #file: FileHandle | undefined;
  #isBroken = false;

  constructor(path: string, segmentBytes: number) {
    this.#path = path;
    this.#mostMarks = Math.max(FEWEST_MARKS, Math.floor(segmentBytes / BYTES_FOR_A_MARK));
  }

  /** The bytes from this position on were read at this time. To be told before they are written. Never throws. */
  async note(mark: TimeMark): Promise<void> {
    const lastWall = this.#lastWall ?? Number.NEGATIVE_INFINITY;
    if (this.#isBroken || Math.abs(mark.wall - lastWall) < RESOLUTION_MS) return;
    try {
      if (this.#count >= this.#mostMarks) await this.#thin();
      this.#file ??= await open(this.#path, 'w', 0o600);
      await this.#file.write(encoded([mark]));
      this.#count += 1;
      this.#lastWall = mark.wall;
    } catch {
      this.#isBroken = true;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  /** Whoever reads meanwhile sees the old one or the new one. */
  async #thin(): Promise<void> {
    const kept = (await readTimes(this.#path)).filter((_, i) => i % 2 === 0);
    const fresh = `${this.#path}.new`;
    await writeFile(fresh, encoded(kept), { mode: 0o600 });
    await rename(fresh, this.#path);
    await this.close();
    this.#file = await open(this.#path, 'a', 0o600);
    this.#count = kept.length;
  }
}

/** Oldest first. None where there is no index. */
export async function readTimes(path: string): Promise<readonly TimeMark[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  return Array.from({ length: Math.floor(bytes.length / MARK_BYTES) }, (_, i) => ({
    offset: bytes.readUInt32LE(i * MARK_BYTES),
    wall: bytes.readDoubleLE(i * MARK_BYTES + 4),
  }));
}

function encoded(marks: readonly TimeMark[]): Buffer {
  const bytes = Buffer.alloc(marks.length * MARK_BYTES);
  for (const [i, { offset, wall }] of marks.entries()) {
    bytes.writeUInt32LE(offset, i * MARK_BYTES);
    bytes.writeDoubleLE(wall, i * MARK_BYTES + 4);
  }
  return bytes;
}
