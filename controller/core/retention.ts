/** What is dropped so that nothing grows for ever: ended runs and remembered requests. Events are bounded in journal.ts. */

import type { PolicyId } from '../../shared/ids.ts';
import { HOUR } from '../../shared/time.ts';
import type { Context } from './context.ts';

/** Ended runs kept for each policy, and over all. */
export const ENDED_RUNS_PER_POLICY = 20;
export const ENDED_RUNS_KEPT = 5_000;
/** Outcomes of calls with a request_id are kept this long. */
export const REQUESTS_KEPT_MS = HOUR;
/** And at most so many; the oldest go first. */
export const REQUESTS_MAX = 50_000;

/** Drops the oldest ended runs beyond the bounds. */
export function pruneEndedRuns(ctx: Context, policy: PolicyId): void {
  const { endedRuns, runs } = ctx.state;
  const ofPolicy = endedRuns.filter((id) => runs.get(id)?.policy === policy);
  const drop = new Set(ofPolicy.slice(0, Math.max(0, ofPolicy.length - ENDED_RUNS_PER_POLICY)));
  for (const id of endedRuns.slice(0, Math.max(0, endedRuns.length - ENDED_RUNS_KEPT))) drop.add(id);
  if (drop.size === 0) return;
  for (const id of drop) {
    runs.delete(id);
    ctx.journal.delete(`runs/${id}`);
  }
  endedRuns.splice(0, endedRuns.length, ...endedRuns.filter((id) => !drop.has(id)));
}

/** Forgets requests that are too old; they stand in the map oldest first. */
export function pruneRequests(ctx: Context): void {
  const { requests } = ctx.state;
  for (const [id, record] of requests) {
    if (record.wall > ctx.now.wall - REQUESTS_KEPT_MS && requests.size <= REQUESTS_MAX) return;
    requests.delete(id);
    ctx.journal.delete(`requests/${id}`);
  }
}
