/**
 * Output of an attempt on disk: segments, each named by the offset of its first byte, so that reading needs no index and one
 * offset runs through all of them. The oldest are deleted; their offsets are never used again. The name of the last one may say what was
 * lost behind it, on a disk that was full up to the end: a name can be changed where nothing can be written.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface Segment {
  readonly path: string;
  readonly offset: number;
  /** Where it is said when its bytes were read; it may not be there. */
  readonly timesPath: string;
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

/** `lost`: what was lost behind it. */
export function segmentPath(directory: string, offset: number, lost?: LostOutput): string {
  const epilogue = lost === undefined ? '' : `.lost-${lost.bytes}-${encodeURIComponent(lost.why)}`;
  return join(directory, `${String(offset).padStart(16, '0')}${epilogue}.log`);
}

/** Whatever became of the segment's own name. */
export const timesPath = (directory: string, offset: number): string =>
  join(directory, `${String(offset).padStart(16, '0')}.times`);

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
      const from = Number(offset);
      return [{ path: join(directory, name), offset: from, timesPath: timesPath(directory, from), epilogue }];
    })
    .sort((a, b) => a.offset - b.offset);
}
