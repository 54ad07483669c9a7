/** The placement rules of semantics 8 once more, written down plainly over the records: the oracle for the real index. */

import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { PlacementQuery } from '../../../controller/core/indexes/placement-query.ts';
import { capabilityMap, satisfies } from '../../../controller/core/records/capability.ts';
import type { Run, Server } from '../../../controller/core/records/state.ts';
import type { PoolId, ServerId } from '../../../shared/ids.ts';

export function limitOf(state: ClusterState, server: Server): number {
  const operator = server.maxSlots ?? state.pools.get(server.pool)?.defaultMaxSlots ?? 0;
  return Math.min(operator, server.agentMaxSlots ?? Number.POSITIVE_INFINITY);
}

/** The same for every server at once; those that are not listed have none taken. */
export function allTakenSlots(state: ClusterState): ReadonlyMap<ServerId, number> {
  const taken = new Map<ServerId, number>();
  for (const run of state.runs.values()) {
    if (run.endWall !== undefined) continue;
    for (const server of holders(run)) taken.set(server, (taken.get(server) ?? 0) + run.slots);
  }
  return taken;
}

function holders({ attempts, reservation }: Run): ReadonlySet<ServerId> {
  const servers = new Set<ServerId>();
  for (const attempt of attempts) if (attempt.state !== 'ENDED') servers.add(attempt.server);
  if (reservation !== undefined) servers.add(reservation.server).add(reservation.from);
  return servers;
}

/** Slots of attempts not proven ended, and of reservations where the run has no attempt yet. */
export function takenSlots(state: ClusterState, server: ServerId): number {
  let taken = 0;
  for (const run of state.runs.values()) if (holders(run).has(server)) taken += run.slots;
  return taken;
}

/** Of the servers with an open gate. */
export function chooseNaively(state: ClusterState, pool: PoolId, query: PlacementQuery): ServerId | undefined {
  return first(
    query,
    listOf(state, pool, query).filter((id) => fits(state, pool, id, query) && isOpen(state, id)),
  );
}

/** Of all: where no server with an open gate is eligible, one behind a closed gate that has no start under way. */
export function chooseAtLast(state: ClusterState, pool: PoolId, query: PlacementQuery): ServerId | undefined {
  const chosen = chooseNaively(state, pool, query);
  const list = listOf(state, pool, query);
  if (chosen !== undefined || list.some((id) => isEligible(state, pool, id, query) && isOpen(state, id))) return chosen;
  return first(
    query,
    list.filter((id) => fits(state, pool, id, query) && !isStarting(state, id)),
  );
}

function listOf(state: ClusterState, pool: PoolId, query: PlacementQuery): readonly ServerId[] {
  const order = state.pools.get(pool)?.order ?? [];
  const { own, goesOn } = query.list;
  return goesOn ? [...own, ...order.filter((id) => !own.includes(id))] : own;
}

function first(query: PlacementQuery, fitting: readonly ServerId[]): ServerId | undefined {
  const tried = query.first !== undefined && fitting.includes(query.first) ? [query.first, ...fitting] : fitting;
  return tried.find((id) => !query.skip.includes(id)) ?? query.skip.find((id) => fitting.includes(id));
}

/** The controller gives it new runs; on trial, one at a time. */
function isOpen(state: ClusterState, id: ServerId): boolean {
  const { probation, quarantine } = state.servers.get(id)?.gate ?? {};
  if (quarantine?.phase === 'AWAY' || quarantine?.phase === 'CLOSED') return false;
  return probation === undefined || (probation.phase === 'TRIAL' && !isStarting(state, id));
}

function isStarting(state: ClusterState, id: ServerId): boolean {
  return [...state.runs.values()].some(({ attempts }) =>
    attempts.some(({ server, state: stage }) => server === id && (stage === 'ASSIGNED' || stage === 'STARTING')),
  );
}

/** It may take the policy's runs, with room or without. */
function isEligible(state: ClusterState, pool: PoolId, id: ServerId, query: PlacementQuery): boolean {
  return fits(state, pool, id, { ...query, slots: Number.NEGATIVE_INFINITY, exclude: [], claimed: [] });
}

function fits(state: ClusterState, pool: PoolId, id: ServerId, query: PlacementQuery): boolean {
  const server = state.servers.get(id);
  if (server === undefined || server.pool !== pool) return false;
  if (query.exclude.includes(id) || query.claimed.includes(id)) return false;
  if (server.liveness !== 'ALIVE' || server.intent !== 'ACTIVE' || server.saturated || server.deleting) return false;
  if (state.serverLive.get(id)?.session?.phase !== 'OPEN') return false;
  const has = capabilityMap(server.capabilities);
  if (!query.requirements.every((requirement) => satisfies(requirement, has))) return false;
  return limitOf(state, server) - takenSlots(state, id) >= query.slots;
}
