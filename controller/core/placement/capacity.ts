/** Slots of servers, and whether a server is in the available list (semantics 2, 8). */
import type { ServerId } from '../../../shared/ids.ts';
import { type ClusterState, poolLiveOf, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { ServerFacts } from '../indexes/placement-query.ts';
import type { Run, Server } from '../records/state.ts';
import { type ServerView, takesPlacements } from './explain.ts';
import { gateOf, hasStartUnderWay, isClosed, isGateOpen } from './gate-view.ts';

const OPEN = { kind: 'OPEN' } as const;

/** The smaller of the operator's limit (or the pool's default) and the agent's own. */
export function effectiveMaxSlots(state: ClusterState, server: Server): number {
  const operator = server.maxSlots ?? poolOf(state, server.pool).defaultMaxSlots;
  return server.agentMaxSlots === undefined ? operator : Math.min(operator, server.agentMaxSlots);
}

/** Slots of attempts here that are not proven ended. */
export function usedSlots(state: ClusterState, server: Server): number {
  let used = 0;
  for (const id of serverLiveOf(state, server.id).runs) used += state.runs.get(id)?.slots ?? 0;
  return used;
}

/**
 * Slots kept for moves: on the target until the new attempt is assigned there, and on the source until it runs, so that
 * the run can go back. A slot that an attempt of the run takes is not kept twice.
 */
export function reservedSlots(state: ClusterState, server: Server): number {
  const live = serverLiveOf(state, server.id);
  let reserved = 0;
  for (const id of live.reservations) {
    const run = state.runs.get(id);
    if (run !== undefined && !live.runs.has(id)) reserved += run.slots;
  }
  return reserved;
}

export function freeSlots(state: ClusterState, server: Server): number {
  return effectiveMaxSlots(state, server) - usedSlots(state, server) - reservedSlots(state, server);
}

/** Free slots as this run sees them: what is reserved for it counts as free. */
export function freeSlotsFor(state: ClusterState, server: Server, run: Run): number {
  const live = serverLiveOf(state, server.id);
  const own = live.reservations.has(run.id) && !live.runs.has(run.id) ? run.slots : 0;
  return freeSlots(state, server) + own;
}

/** In the available list: see `takesPlacements`. */
export const isAvailable = (state: ClusterState, server: Server): boolean => takesPlacements(axesOf(state, server));

/** The axes that decide whether a server is in the available list. */
function axesOf(state: ClusterState, server: Server): Parameters<typeof takesPlacements>[0] {
  return {
    liveness: server.liveness,
    intent: server.intent,
    load: server.saturated ? 'SATURATED' : 'AVAILABLE',
    deleting: server.deleting,
    connected: serverLiveOf(state, server.id).session?.phase === 'OPEN',
    gate: isGateOpen(state, server) ? OPEN : gateOf(server),
  };
}

/** Behind a closed gate, and otherwise in the list, with no start under way. */
export const isUsableBehindGate = (state: ClusterState, server: Server): boolean =>
  isClosed(server) && !hasStartUnderWay(state, server) && takesPlacements({ ...axesOf(state, server), gate: OPEN });

export function placementFacts(state: ClusterState, id: ServerId): ServerFacts | undefined {
  const server = state.servers.get(id);
  if (server === undefined) return undefined;
  return {
    available: isAvailable(state, server),
    freeSlots: freeSlots(state, server),
    capabilities: server.capabilities,
  };
}

/** Tells the index what changed about a server. */
export function refreshIndex(state: ClusterState, id: ServerId): void {
  const server = state.servers.get(id);
  const facts = placementFacts(state, id);
  if (server === undefined || facts === undefined) return;
  const { index, lastResort, closed } = poolLiveOf(state, server.pool);
  index.setServer(id, facts);
  if (isClosed(server)) {
    closed.add(id);
    lastResort.setServer(id, { ...facts, available: isUsableBehindGate(state, server) });
  } else if (closed.delete(id)) lastResort.removeServer(id);
}

/** A server as an explanation needs it. */
export function serverView(state: ClusterState, id: ServerId): ServerView | undefined {
  const server = state.servers.get(id);
  if (server === undefined) return undefined;
  return {
    ...axesOf(state, server),
    isBusy: hasStartUnderWay(state, server),
    freeSlots: freeSlots(state, server),
    usedSlots: usedSlots(state, server),
    maxSlots: effectiveMaxSlots(state, server),
    capabilities: server.capabilities,
  };
}
