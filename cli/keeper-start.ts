/**
 * `locum keeper` without the parser of command lines: a keeper is on every host and must stay small. What it does not understand is left
 * to the parser, which has the words for it.
 */
import type { KeeperOptions } from './keeper.ts';

const FLAGS: ReadonlySet<string> = new Set(['--state-dir', '--output-segment-bytes', '--output-segments']);

/** Undefined: not exactly what an agent or a service says. */
export function keeperOptions(words: readonly string[]): KeeperOptions | undefined {
  const found = new Map<string, string>();
  const stay = words.includes('--stay');
  const pairs = words.filter((word) => word !== '--stay');
  for (let i = 0; i < pairs.length; i += 2) {
    const [flag = '', value] = pairs.slice(i, i + 2);
    if (!FLAGS.has(flag) || value === undefined || found.has(flag)) return undefined;
    found.set(flag, value);
  }
  const stateDir = found.get('--state-dir');
  const numbers = ['--output-segment-bytes', '--output-segments'].map((flag) => found.get(flag));
  if (!stateDir || numbers.some((text) => text !== undefined && !/^[1-9]\d{0,14}$/.test(text))) return undefined;
  const [bytes, segments] = numbers.map((text) => (text === undefined ? undefined : Number(text)));
  return {
    stateDir,
    ...(stay && { stay }),
    ...(bytes !== undefined && { outputSegmentBytes: bytes }),
    ...(segments !== undefined && { outputSegments: segments }),
  };
}

/** Answers with the exit code. */
export async function startKeeper({
  stateDir,
  stay,
  outputSegmentBytes,
  outputSegments,
}: KeeperOptions): Promise<number> {
  const { runKeeper } = await import('../keeper/main.ts');
  const { DEFAULT_OUTPUT_LIMITS } = await import('../keeper/output/output-log.ts');
  const { locumVersion } = await import('./version.ts');
  const output = {
    segmentBytes: outputSegmentBytes ?? DEFAULT_OUTPUT_LIMITS.segmentBytes,
    segments: outputSegments ?? DEFAULT_OUTPUT_LIMITS.segments,
  };
  const idle = stay === true ? { idleMs: Number.POSITIVE_INFINITY } : {};
  return runKeeper({ stateDir, version: locumVersion(), output, ...idle });
}
