/** Reads the output of an attempt: from an offset, from so many bytes before the end, or from a time on. */
import { open, stat } from 'node:fs/promises';
import { LIMITS } from '../../shared/limits.ts';
import { listSegments, type Segment } from './output-segments.ts';
import { readTimes, type TimeMark } from './time-index.ts';

/** Largest answer to one Read. */
const MAX_READ_BYTES = 1024 * 1024;
/** Answer to a Read that sets no limit. */
const DEFAULT_READ_BYTES = 64 * 1024;
/** A line that began before the time and is longer than this is shown from its middle on. */
const LONGEST_LINE_BYTES = 64 * 1024;
const LF = 0x0a;

/** What is wanted. */
export interface OutputQuery {
  /** Negative: that many bytes before the end. */
  readonly offset: number;
  /** At most this many bytes. 0: 64 KiB. */
  readonly limit: number;
  /** Only lines that began at this time or later, milliseconds since 1970. What has no time is taken for later. Undefined: all. */
  readonly sinceWall?: number | undefined;
}

export interface OutputSlice {
  /** Offset of the first byte of `data`; past what was asked for when that has been deleted, or is of an earlier time. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** Bytes written so far, also those deleted since. */
  readonly size: number;
  /** When `data` was read from the program, by offsets in the whole output. None: that is not known. */
  readonly times: readonly TimeMark[];
}

/**
 * What comes back may be shorter than the limit though more is there: it ends with its segment. Undefined where there is no output of
 * this attempt.
 */
export async function readOutput(directory: string, query: OutputQuery): Promise<OutputSlice | undefined> {
  const segments = await listSegments(directory);
  const [oldest, newest] = [segments.at(0), segments.at(-1)];
  if (oldest === undefined || newest === undefined) return undefined;
  const size = newest.offset + (await sizeOf(newest)) + newest.epilogue.length;
  const { offset, limit, sinceWall } = query;
  const since = sinceWall === undefined ? 0 : await offsetSince(segments, sinceWall, size);
  const wanted = Math.min(size, Math.max(oldest.offset, since, offset < 0 ? size + offset : offset));
  const segment = segments.findLast((candidate) => candidate.offset <= wanted) ?? oldest;
  const atMost = Math.min(limit > 0 ? limit : DEFAULT_READ_BYTES, MAX_READ_BYTES, size - wanted);
  const data = await readSlice(segment, wanted - segment.offset, atMost);
  if (data === undefined || (data.length === 0 && wanted < size)) {
    // Deleted since the listing, or never written for want of room: what there is goes on with the next segment.
    const next = segments.find((candidate) => candidate.offset > wanted);
    return next === undefined
      ? { offset: size, data: new Uint8Array(), size, times: [] }
      : readOutput(directory, { ...query, offset: next.offset });
  }
  return withTimes({ offset: wanted, data, size }, await timesIn(segment));
}

/** By offsets in the whole output. */
async function timesIn({ timesPath, offset }: Segment): Promise<readonly TimeMark[]> {
  const marks = await readTimes(timesPath);
  return marks.map((mark) => ({ offset: offset + mark.offset, wall: mark.wall }));
}

function withTimes(slice: Omit<OutputSlice, 'times'>, marks: readonly TimeMark[]): OutputSlice {
  const { offset, data } = slice;
  const end = offset + data.length;
  const first = Math.max(
    0,
    marks.findLastIndex((mark) => mark.offset <= offset),
  );
  const within = marks.slice(first).filter((mark) => mark.offset < end);
  const cutAt = within[LIMITS.outputTimes]?.offset ?? end;
  const times = within.slice(0, LIMITS.outputTimes).map((mark) => ({ ...mark, offset: Math.max(mark.offset, offset) }));
  return { ...slice, data: data.subarray(0, cutAt - offset), times };
}

/** Where the first line begins that is not older. */
async function offsetSince(segments: readonly Segment[], sinceWall: number, size: number): Promise<number> {
  let found = size;
  for (const segment of segments.toReversed()) {
    const marks = await timesIn(segment);
    const mark = marks.find(({ wall }) => wall >= sinceWall);
    const isWhole = marks[0] === undefined || marks[0] === mark;
    if (isWhole) found = segment.offset;
    else {
      const from = mark?.offset ?? found;
      return mark === undefined ? from : lineFrom(segment, from);
    }
  }
  return found;
}

/** The first line that begins at this offset of the whole output or behind it. */
async function lineFrom(segment: Segment, offset: number): Promise<number> {
  const position = offset - segment.offset;
  if (position <= 0) return offset;
  const data = (await readSlice(segment, position - 1, LONGEST_LINE_BYTES)) ?? new Uint8Array();
  const feed = data.indexOf(LF);
  return feed < 0 ? offset : offset + feed;
}

/** Bytes on disk. Undefined where there is no output of this attempt. */
export async function sizeOfOutput(directory: string): Promise<number | undefined> {
  const segments = await listSegments(directory);
  if (segments.length === 0) return undefined;
  let bytes = 0;
  for (const { path, timesPath } of segments) bytes += (await sizeOf({ path })) + (await sizeOf({ path: timesPath }));
  return bytes;
}

async function sizeOf({ path }: Pick<Segment, 'path'>): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function readSlice(segment: Segment, position: number, length: number): Promise<Uint8Array | undefined> {
  const file = await open(segment.path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const buffer = new Uint8Array(length);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    if (bytesRead === length) return buffer;
    // Where in the epilogue this begins: not at 0, when all of the file was read before.
    const from = Math.max(0, position - (await file.stat()).size);
    return Buffer.concat([buffer.subarray(0, bytesRead), segment.epilogue.subarray(from)]).subarray(0, length);
  } finally {
    await file.close();
  }
}
