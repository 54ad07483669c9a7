/** States on demand, as text. */

import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import { etaOf } from '../../controller/core/records/run-state.ts';
import type { Run } from '../../controller/core/records/state.ts';
import {
  currentAttempt,
  deviations,
  effectiveMaxSlots,
  explainPlacement,
  gateOf,
  isAvailable,
  isEnded,
  planLossOf,
  queuePosition,
  rankOf,
  reservedSlots,
  usedSlots,
} from '../../controller/core/views.ts';
import { present } from '../../shared/assert.ts';
import { type PolicyId, serverId } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';

const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(3))}`;

export function showRuns(state: ClusterState, now: Now): readonly string[] {
  return [...state.runs.values()].map((run) => showRun(state, run, now));
}

function showRun(state: ClusterState, run: Run, now: Now): string {
  const attempt = currentAttempt(run);
  const where = attempt === undefined || isEnded(run) ? '' : ` on ${attempt.server}/${attempt.epoch}`;
  const place = run.state.kind === 'QUEUED' ? queuePosition(state, run, now) : 0;
  const queued = place === 0 ? '' : `, number ${place} in the queue`;
  const { kind, reason, message } = run.state;
  const etaWall = etaOf(run);
  const eta = etaWall === undefined ? '' : `, in ${seconds(etaWall - now.wall)} s`;
  return `${run.id} ${kind}${where} (${reason}): ${message}${queued}${eta}`;
}

export function showServers(state: ClusterState): readonly string[] {
  return [...state.servers.values()].map((server) => {
    const gate = gateOf(server).kind;
    const closed = gate === 'OPEN' ? '' : gate;
    const flags = [server.intent, server.saturated ? 'SATURATED' : '', closed, server.deleting ? 'DELETING' : ''];
    const drained = server.drain?.done === true ? ' DONE' : '';
    const reserved = reservedSlots(state, server);
    const slots = `${usedSlots(state, server)}${reserved === 0 ? '' : `+${reserved}`}/${effectiveMaxSlots(state, server)}`;
    const axes = flags.filter((flag) => flag !== '').join(' ') + drained;
    return `#${rankOf(state, server)} ${server.id} ${server.liveness} ${axes}, ${slots} slots, ${isAvailable(state, server) ? 'available' : 'not available'}`;
  });
}

/** What holds the next start back, and then each server. */
export function showVerdicts(state: ClusterState, id: PolicyId, now: Now): readonly string[] {
  const policy = present(state.policies.get(id), `policy ${id} exists`);
  const { hold, verdicts } = explainPlacement(state, policy, now);
  const eta = hold?.etaWall === undefined ? '' : `, in ${seconds(hold.etaWall - now.wall)} s`;
  return [
    ...(hold === undefined ? [] : [`held (${hold.reason}): ${hold.message}${eta}`]),
    ...verdicts.map(({ server, rank, reason, detail }) => `${server} ${rank} ${reason}: ${detail}`),
  ];
}

export function showLoss(state: ClusterState, ids: readonly string[], now: Now): readonly string[] {
  const lost = ids.map((id) => present(state.servers.get(serverId(id)), `server ${id} exists`));
  const { takeovers, waits } = planLossOf(state, now, lost);
  return [
    ...takeovers.map(({ run, from, to }) => `${run} would go from ${from} to ${to}`),
    ...waits.map(({ run, from, reason, message }) => `${run} of ${from} would wait (${reason}): ${message}`),
    ...(takeovers.length + waits.length === 0 ? ['nothing runs there'] : []),
  ];
}

export function showDeviations(state: ClusterState, now: Now): readonly string[] {
  const found = deviations(state, now);
  if (found.length === 0) return ['everything is where it should be'];
  return found.map(({ resource, reason, message, sinceWall, command }) => {
    const age = sinceWall === undefined ? '' : ` for ${seconds(now.wall - sinceWall)} s`;
    return `${resource} ${reason}${age}: ${message} [${command}]`;
  });
}
