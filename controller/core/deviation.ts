/** One thing that is not where it should be, and which of several comes first. */
import { DEVIATION_REASONS, type DeviationReason } from './records/deviation-reason.ts';

export interface Deviation {
  readonly resource: string;
  readonly reason: DeviationReason;
  readonly message: string;
  /** Since when, wall time in milliseconds. Undefined: it is not known any more. */
  readonly sinceWall: number | undefined;
  /** When it is expected to end by itself. Undefined: unknown. */
  readonly etaWall: number | undefined;
  /** The command that shows more, or ends it. */
  readonly command: string;
}

const ORDER = Object.keys(DEVIATION_REASONS);
/** Runs that do not run come behind the servers that are most often why, and before what runs and is in trouble. */
const WAITING_RANK = ORDER.indexOf('RESTARTS_ENDLESSLY') - 0.5;
/** These do not end by themselves. */
const NEEDS_SOMEBODY: readonly DeviationReason[] = ['HOLD', 'TREE_ALIVE', 'UNSATISFIABLE'];
const STILL_RUNS: readonly DeviationReason[] = ['UNHEALTHY', 'CAPABILITY_LOST'];

function rankOf({ resource, reason }: Deviation): number {
  // Some reasons of runs that wait are those of a pool or the cluster as well.
  if (!resource.startsWith('runs/') || STILL_RUNS.includes(reason)) return ORDER.indexOf(reason);
  return NEEDS_SOMEBODY.includes(reason) ? WAITING_RANK - 0.25 : WAITING_RANK;
}

/** By the order of the table of reasons; what is as bad keeps its order. */
export function worstFirst(deviations: readonly Deviation[]): readonly Deviation[] {
  return deviations
    .map((deviation) => ({ deviation, rank: rankOf(deviation) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ deviation }) => deviation);
}
