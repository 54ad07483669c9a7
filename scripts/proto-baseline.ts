/**
 * What the protos are compared with. `proto/baseline.binpb.gz` has the descriptors of the last release, and before the first one those of the
 * last commit that broke something on purpose: nothing breaks unnoticed, also where nothing is promised yet. A file and not a tag, because
 * a checkout without history can compare as well, and because moving it on is a change that a reader of the commit sees.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buf, exportTo, Refused, triedBuf, writeOwnProtosOf } from './proto-export.ts';

export const BASELINE = join(import.meta.dirname, '../proto/baseline.binpb.gz');
/** The strictest rules of `buf breaking`: also what breaks only the sources of a client, such as a name, is told. */
const RULES = JSON.stringify({ version: 'v2', breaking: { use: ['FILE'] } });

const ADVICE = `
An element of the API is never removed, renamed or renumbered (docs/protos.md, "What may change"). Before the first release it may be done on
purpose: npm run protos -- baseline moves the baseline on; say in CHANGELOG.md what breaks.`;

/** The protos as they are now and, where a commit is given, as they were then, each with all that they import. */
function withExports(ref: string | undefined, action: (now: string, then: string) => void): void {
  const scratch = mkdtempSync(join(tmpdir(), 'locum-protos-'));
  try {
    const [now, then] = [join(scratch, 'now'), join(scratch, 'then')];
    exportTo(now);
    cpSync(now, then, { recursive: true });
    if (ref !== undefined) {
      rmSync(join(then, 'locum'), { recursive: true });
      writeOwnProtosOf(ref, then);
    }
    action(now, then);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function writeImage(folder: string, file: string, ...flags: readonly string[]): void {
  buf('build', folder, '--path', join(folder, 'locum/v1'), ...flags, '--output', file);
}

/** The protos that ours import are the same on both sides, since installed packages bring them: only what is ours is compared. */
function breaks(image: string, against: string): boolean {
  return !triedBuf('breaking', image, '--against', against, '--exclude-imports', '--config', RULES);
}

/** A tag or commit of this checkout, and where the baseline is kept. */
export interface Comparison {
  readonly ref?: string | undefined;
  readonly baseline: string;
}

/**
 * Prints what would break clients of a tag or commit; without one, of the baseline.
 *
 * @throws Refused something would
 */
export function compareWith({ ref, baseline }: Comparison): void {
  withExports(ref, (now, then) => {
    writeImage(now, `${now}.binpb`);
    if (ref !== undefined) writeImage(then, `${then}.binpb`);
    if (!breaks(`${now}.binpb`, ref === undefined ? baseline : `${then}.binpb`)) return;
    throw new Refused(ref === undefined ? ADVICE.trim() : '');
  });
}

/** Takes the protos of a tag or commit as the baseline; without one, those of the files here. Prints what breaks by that. */
export function moveBaseline({ ref, baseline }: Comparison): void {
  withExports(ref, (_now, then) => {
    writeImage(then, `${then}.binpb`);
    if (!existsSync(baseline) || !breaks(`${then}.binpb`, baseline)) console.log('Nothing breaks by that.');
    // Without comments: they break nobody, and are the most of it.
    writeImage(then, baseline, '--exclude-source-info');
  });
}
