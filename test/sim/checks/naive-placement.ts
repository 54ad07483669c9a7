/** The placement rules of semantics 8 once more, written down plainly over the records: the oracle for the real index. */

import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { PlacementQuery } from '../../../controller/core/indexes/placement-query.ts';
import type { ObstacleReason } from '../../../controller/core/placement/obstacle.ts';
import { capabilityMap, parseRequirement, satisfies } from '../../../controller/core/records/capability.ts';
import { isEnded } from '../../../controller/core/records/run-state.ts';
import type { Policy, Run, Server } from '../../../controller/core/records/state.ts';
import type { PoolId, ServerId } from '../../../shared/ids.ts';

export function limitOf(state: ClusterState, server: Server): number {
  const operator = server.maxSlots ?? state.pools.get(server.pool)?.defaultMaxSlots ?? 0;
  return Math.min(operator, server.agentMaxSlots ?? Number.POSITIVE_INFINITY);
}

/** The same for every server at once; those that are not listed have none taken. */
export function allTakenSlots(state: ClusterState): ReadonlyMap<ServerId, number> {
  const taken = new Map<ServerId, number>();
  for (const run of state.runs.values()) {
    if (isEnded(run)) continue;
    for (const server of holders(run)) taken.set(server, (taken.get(server) ?? 0) + run.slots);
  }
  return taken;
}

function holders({ attempts, reservation }: Run): ReadonlySet<ServerId> {
  const servers = new Set<ServerId>();
  for (const attempt of attempts) if (attempt.state.kind !== 'ENDED') servers.add(attempt.server);
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
    attempts.some(
      ({ server, state: stage }) => server === id && (stage.kind === 'ASSIGNED' || stage.kind === 'STARTING'),
    ),
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

/** One run of a policy, at an age of the cluster; `from`: the server that it moves away from. */
export interface Asking {
  readonly policy: Policy;
  readonly run: Run;
  readonly age: number;
  readonly from?: ServerId | undefined;
}

/** What is told of one server: the obstacles of semantics 8 and 9 as one chain of questions. Undefined: nothing keeps the run from it. */
export function whyNotThere(state: ClusterState, asking: Asking, id: ServerId): ObstacleReason | undefined {
  const { policy, run } = asking;
  const { servers, listMode, pool } = policy.spec;
  if (servers.length > 0 && listMode === 'ONLY' && !servers.includes(id)) return 'NOT_LISTED';
  const server = state.servers.get(id);
  if (server?.pool !== pool) return 'NOT_REGISTERED';
  if (!meets(policy, server)) return 'REQUIREMENT';
  if (limitOf(state, server) < run.slots) return 'TOO_SMALL';
  return whyUnavailable(state, asking, server) ?? whyNotNow(state, asking, server);
}

function whyUnavailable(state: ClusterState, asking: Asking, server: Server): ObstacleReason | undefined {
  const { liveness, intent, gate, id } = server;
  if (server.deleting) return 'DELETING';
  if (liveness !== 'ALIVE') return liveness;
  if (intent !== 'ACTIVE') return intent;
  if (server.saturated) return 'SATURATED';
  if (!isOpen(state, id) && (isStarting(state, id) || hasOpenOne(state, asking))) {
    return gate.probation === undefined ? 'QUARANTINED' : 'PROBATION';
  }
  return state.serverLive.get(id)?.session?.phase === 'OPEN' ? undefined : 'DISCONNECTED';
}

function whyNotNow(state: ClusterState, { run, age, from }: Asking, server: Server): ObstacleReason | undefined {
  if (server.id === from) return 'EXCLUDED';
  const claimer = state.poolLive.get(server.pool)?.claims.get(server.id);
  if (claimer !== undefined && claimer !== run.id) return 'CLAIMED';
  if (limitOf(state, server) - takenSlots(state, server.id) < run.slots) return 'FULL';
  const skip = run.skips.find((one) => one.server === server.id);
  if (skip !== undefined && skip.pausedUntilAge > age) return 'PAUSED';
  return skip !== undefined && skip.untilAge > age ? 'SKIPPED' : undefined;
}

/** A server whose gate is open, with room or without: then closed gates are no resort. */
function hasOpenOne(state: ClusterState, { policy }: Asking): boolean {
  const { pool } = policy.spec;
  return namesOf(state, policy).some((id) => {
    const server = state.servers.get(id);
    return server?.pool === pool && meets(policy, server) && isOpen(state, id) && isThere(state, server);
  });
}

const isThere = (state: ClusterState, { id, liveness, intent, saturated, deleting }: Server): boolean =>
  liveness === 'ALIVE' &&
  intent === 'ACTIVE' &&
  !saturated &&
  !deleting &&
  state.serverLive.get(id)?.session?.phase === 'OPEN';

function meets(policy: Policy, server: Server): boolean {
  const has = capabilityMap(server.capabilities);
  return policy.spec.requirements.every((text) => {
    const parsed = parseRequirement(text);
    return parsed.kind === 'ok' && satisfies(parsed.requirement, has);
  });
}

/** What a policy names, best first: all of its own list, then, if it goes on, what else its pool has. */
export function namesOf(state: ClusterState, { spec }: Policy): readonly ServerId[] {
  const order = state.pools.get(spec.pool)?.order ?? [];
  if (spec.servers.length === 0) return order;
  return spec.listMode === 'ONLY' ? spec.servers : [...new Set([...spec.servers, ...order])];
}

/** Where a run goes, from what is told of each server alone. */
export function chooseByObstacles(state: ClusterState, asking: Asking): ServerId | undefined {
  const { policy, run } = asking;
  const named = namesOf(state, policy);
  const { reservation } = run;
  const isKeptThere = reservation !== undefined && asking.from === undefined && named.includes(reservation.server);
  if (isKeptThere && isKept(state, asking, reservation.server)) return reservation.server;
  const first = run.preferServer;
  const tried = first !== undefined && asking.from === undefined && named.includes(first) ? [first, ...named] : named;
  const free = tried.find((id) => whyNotThere(state, asking, id) === undefined);
  if (free !== undefined) return free;
  // All that fit are avoided: the setback that is longest ago.
  const avoided = named.filter((id) => whyNotThere(state, asking, id) === 'SKIPPED');
  const lastAgeOf = (id: ServerId): number => run.skips.find(({ server }) => server === id)?.lastAge ?? 0;
  return avoided.toSorted((a, b) => lastAgeOf(a) - lastAgeOf(b))[0];
}

/** The slot that is reserved for the run can be taken: its own slot counts as free, and claims and setbacks do not count. */
function isKept(state: ClusterState, { policy, run }: Asking, id: ServerId): boolean {
  const server = state.servers.get(id);
  if (server?.pool !== policy.spec.pool || !meets(policy, server)) return false;
  if (!isOpen(state, id) || !isThere(state, server)) return false;
  const own = holders({ ...run, reservation: undefined }).has(id) ? 0 : run.slots;
  return limitOf(state, server) - takenSlots(state, id) + own >= run.slots;
}
