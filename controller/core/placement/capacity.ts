/** Slots of servers, and whether a server is in the available list (semantics 2, 8). */
import type { RunId, ServerId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import { type ClusterState, policyLiveOf, poolLiveOf, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { ServerFacts } from '../indexes/placement-query.ts';
import { capabilityMap, satisfies } from '../records/capability.ts';
import { isClosedGate } from '../records/gate-record.ts';
import type { Policy, Run, Server } from '../records/state.ts';
import { gateOf, hasStartUnderWay, isGateOpen } from './gate-view.ts';
import { isInAvailableList } from './obstacle.ts';
import type { ServerView } from './server-view.ts';

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
 * the run can go back. A slot that an attempt of the run takes is not kept twice. `but`: what is kept for this run does not count.
 */
export function reservedSlots(state: ClusterState, server: Server, but?: RunId): number {
  const live = serverLiveOf(state, server.id);
  let reserved = 0;
  for (const id of live.reservations) {
    const run = state.runs.get(id);
    if (run !== undefined && id !== but && !live.runs.has(id)) reserved += run.slots;
  }
  return reserved;
}

/** `run`: as that run sees them; what is reserved for it counts as free. */
export function freeSlots(state: ClusterState, server: Server, run?: Run): number {
  return effectiveMaxSlots(state, server) - usedSlots(state, server) - reservedSlots(state, server, run?.id);
}

/** What is taken to be otherwise than it is, for a question. */
export interface Supposed {
  /** What is kept for this run counts as free. */
  readonly run?: RunId | undefined;
  /** So many more are given away. */
  readonly given?: number | undefined;
  /** It is MISSING. */
  readonly lost?: boolean;
}

/** A server at one moment, for one question: its runs are counted when that is asked for, and once. */
class LiveView implements ServerView {
  readonly #state: ClusterState;
  readonly #server: Server;
  readonly #supposed: Supposed;
  #used: number | undefined;
  #reserved: number | undefined;

  constructor(state: ClusterState, server: Server, supposed: Supposed) {
    this.#state = state;
    this.#server = server;
    this.#supposed = supposed;
  }

  get liveness(): ServerView['liveness'] {
    return this.#supposed.lost === true ? 'MISSING' : this.#server.liveness;
  }

  get intent(): ServerView['intent'] {
    return this.#server.intent;
  }

  get load(): ServerView['load'] {
    return this.#server.saturated ? 'SATURATED' : 'AVAILABLE';
  }

  get deleting(): boolean {
    return this.#server.deleting;
  }

  get connected(): boolean {
    return serverLiveOf(this.#state, this.#server.id).session?.phase === 'OPEN';
  }

  get isBusy(): boolean {
    return hasStartUnderWay(this.#state, this.#server);
  }

  get gate(): ServerView['gate'] {
    return isGateOpen(this.#state, this.#server) ? OPEN : gateOf(this.#server);
  }

  get usedSlots(): number {
    this.#used ??= usedSlots(this.#state, this.#server);
    return this.#used;
  }

  get reservedSlots(): number {
    this.#reserved ??= reservedSlots(this.#state, this.#server, this.#supposed.run) + (this.#supposed.given ?? 0);
    return this.#reserved;
  }

  get maxSlots(): number {
    return effectiveMaxSlots(this.#state, this.#server);
  }

  get capabilities(): readonly Capability[] {
    return this.#server.capabilities;
  }
}

const OPEN = { kind: 'OPEN' } as const;

/** Undefined: it is not registered. */
export function serverView(state: ClusterState, id: ServerId, supposed: Supposed = {}): ServerView | undefined {
  const server = state.servers.get(id);
  return server === undefined ? undefined : new LiveView(state, server, supposed);
}

/** In the available list: nothing that keeps a server out of it stands (obstacle.ts). */
export const isAvailable = (state: ClusterState, server: Server): boolean =>
  isInAvailableList(new LiveView(state, server, {}), server.id);

/** Behind a closed gate, and otherwise in the list, with no start under way. */
export const isUsableBehindGate = (state: ClusterState, server: Server): boolean =>
  isClosedGate(server.gate) && isInAvailableList(new LiveView(state, server, {}), server.id, true);

export const meetsRequirements = (state: ClusterState, policy: Policy, server: Server): boolean => {
  const { requirements } = policyLiveOf(state, policy);
  if (requirements.length === 0) return true;
  const capabilities = capabilityMap(server.capabilities);
  return requirements.every((requirement) => satisfies(requirement, capabilities));
};

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
  if (isClosedGate(server.gate)) {
    closed.add(id);
    lastResort.setServer(id, { ...facts, available: isUsableBehindGate(state, server) });
  } else if (closed.delete(id)) lastResort.removeServer(id);
}
