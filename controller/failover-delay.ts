/** How long a takeover took, for the metric: from a server's being declared MISSING to the start of its run being sent elsewhere. */
import type { RunId } from '../shared/ids.ts';
import type { ClusterState } from './core/cluster/cluster.ts';

/** Milliseconds; undefined when this start is no takeover from a missing server. */
export function failoverDelayMs(
  state: ClusterState,
  start: { readonly run: RunId; readonly epoch: number },
  nowWall: number,
): number | undefined {
  const attempts = state.runs.get(start.run)?.attempts ?? [];
  const index = attempts.findIndex(({ epoch }) => epoch === start.epoch);
  const [attempt, lost] = [attempts[index], attempts[index - 1]];
  if (attempt?.cause !== 'RECOVERY' || lost === undefined) return undefined;
  const server = state.servers.get(lost.server);
  return server?.liveness === 'MISSING' ? nowWall - server.livenessSinceWall : undefined;
}
