/**
 * Output of an attempt on disk: segments, each named by the offset of its first byte, so that reading needs no index and one
 * offset runs through all of them. The oldest are deleted; their offsets are never used again. The name of the last one may say what was
 * lost behind it, on a disk that was full up to the end: a name can be changed where nothing can be written.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Largest answer to one Read. */
const MAX_READ_BYTES = 1024 * 1024;
/** Answer to a Read that sets no limit. */
const DEFAULT_READ_BYTES = 64 * 1024;

export interface Segment {
  readonly path: string;
  readonly offset: number;
  /** What stands behind its bytes without being in the file. */
  readonly epilogue: Buffer;
}

/** Output that could not be written, and why, in a word or two. */
export interface LostOutput {
  readonly bytes: number;
  readonly why: string;
}

/** What readers see in the place of what was lost. */
export const lostLine = ({ bytes, why }: LostOutput): Buffer => Buffer.from(`\n[${bytes} bytes were lost: ${why}]\n`);

export interface OutputSlice {
  /** Offset of the first byte of `data`; past what was asked for when that has been deleted. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** Bytes written so far, also those deleted since. */
  readonly size: number;
}

/** `lost`: what was lost behind it. */
export function segmentPath(directory: string, offset: number, lost?: LostOutput): string {
  const epilogue = lost === undefined ? '' : `.lost-${lost.bytes}-${encodeURIComponent(lost.why)}`;
  return join(directory, `${String(offset).padStart(16, '0')}${epilogue}.log`);
}

const NAME = /^(?<offset>\d{16})(?:\.lost-(?<bytes>\d+)-(?<why>[\w%-]+))?\.log$/;

/** Oldest first. None where the folder is not there. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .flatMap((name) => {
      const { offset, bytes, why } = NAME.exec(name)?.groups ?? {};
      if (offset === undefined) return [];
      const isWhole = bytes === undefined || why === undefined;
      const epilogue = isWhole ? Buffer.alloc(0) : lostLine({ bytes: Number(bytes), why: decodeURIComponent(why) });
      return [{ path: join(directory, name), offset: Number(offset), epilogue }];
    })
    .sort((a, b) => a.offset - b.offset);
}

/**
 * Reads at most `limit` bytes from `offset`; negative: that many bytes before the end. What comes back may be shorter though more
 * is there: it ends with its segment. Undefined where there is no output of this attempt.
 */
export async function readOutput(directory: string, offset: number, limit: number): Promise<OutputSlice | undefined> {
  const segments = await listSegments(directory);
  const [oldest, newest] = [segments.at(0), segments.at(-1)];
  if (oldest === undefined || newest === undefined) return undefined;
  const size = newest.offset + (await sizeOf(newest)) + newest.epilogue.length;
  const wanted = Math.min(size, Math.max(oldest.offset, offset < 0 ? size + offset : offset));
  const segment = segments.findLast((candidate) => candidate.offset <= wanted) ?? oldest;
  const atMost = Math.min(limit > 0 ? limit : DEFAULT_READ_BYTES, MAX_READ_BYTES, size - wanted);
  const data = await readSlice(segment, wanted - segment.offset, atMost);
  if (data === undefined || (data.length === 0 && wanted < size)) {
    // Deleted since the listing, or never written for want of room: what there is goes on with the next segment.
    const next = segments.find((candidate) => candidate.offset > wanted);
    return next === undefined
      ? { offset: size, data: new Uint8Array(), size }
      : readOutput(directory, next.offset, limit);
  }
  return { offset: wanted, data, size };
}

/** Bytes on disk. Undefined where there is no output of this attempt. */
export async function sizeOfOutput(directory: string): Promise<number | undefined> {
  const segments = await listSegments(directory);
  if (segments.length === 0) return undefined;
  let bytes = 0;
  for (const segment of segments) bytes += await sizeOf(segment);
  return bytes;
}

async function sizeOf(segment: Segment): Promise<number> {
  return (await stat(segment.path).catch(() => undefined))?.size ?? 0;
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
