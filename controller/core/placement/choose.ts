/**
 * The one function that decides where a run goes (semantics 8), and why it is not one of those in front. The index finds the server. The
 * table of obstacles (obstacle.ts) decides what goes into the index, and whether a reserved slot can still be taken; of all others it only
 * tells why they were passed over.
 *
 * Behind a closed gate is the last resort: a policy that has no other eligible server, with room or without, may use it all the same.
 * A run on a sick host is better than none, and a judgement of ours must never be what keeps a policy from running.
 */
import type { ServerId } from '../../../shared/ids.ts';
import { type ClusterState, policyLiveOf, poolLiveOf, serverOf } from '../cluster/cluster.ts';
import type { PlacementIndex } from '../indexes/placement-index.ts';
import type { PlacementQuery } from '../indexes/placement-query.ts';
import type { Requirement } from '../records/capability.ts';
import type { Policy, Run } from '../records/state.ts';
import { isAvailable, meetsRequirements, type Supposed, serverView } from './capacity.ts';
import { EffectiveList, effectiveList, type PoolOrder, policyList } from './effective-list.ts';
import { type Ask, type Obstacle, obstacleAt } from './obstacle.ts';
import type { ServerView } from './server-view.ts';
import { pausedServers, skippedServers } from './setback.ts';

/** Of so many servers in front it is told why they were passed over. */
const PASSED_OVER_MAX = 3;

/** Where servers are looked for: a pool as it is, or a trial. */
export interface Servers {
  readonly index: PlacementIndex;
  /** Of those behind a closed gate. Undefined: they are no resort. */
  readonly lastResort: PlacementIndex | undefined;
  readonly viewOf: (id: ServerId, supposed?: Supposed) => ServerView | undefined;
}

export interface PassedOver {
  readonly server: ServerId;
  readonly obstacle: Obstacle;
}

export interface Choice {
  readonly server: ServerId;
  /** Place in the effective list, from 1. */
  readonly rank: number;
  /** RESERVED: a slot is kept there. WAS_THERE: the run comes back first. RANK: the first that fits. */
  readonly why: 'RESERVED' | 'WAS_THERE' | 'RANK';
  /** What stands against it and does not count, since nothing else may take the run, or nothing else has room. */
  readonly despite: Obstacle | undefined;
  /** The first few in front of it, if it was taken for its rank. */
  readonly passedOver: readonly PassedOver[];
}

export interface AskOptions {
  /** The run moves away from there: not taken, and where it was does not come first. */
  readonly from?: ServerId;
  /** Obstacles that do not count here. */
  readonly ignored?: readonly ('CLAIMED' | 'PAUSED' | 'SKIPPED')[];
  /** Instead of those that the policy has now: for a change that is only tried. */
  readonly requirements?: readonly Requirement[] | undefined;
  /** Default: the run's, or without one the policy's. */
  readonly slots?: number;
  /** An order that may not be the pool's. */
  readonly order?: PoolOrder;
}

/** What is asked for a run, or for one that does not exist yet. */
export function askOf(
  state: ClusterState,
  policy: Policy,
  run: Run | undefined,
  age: number,
  options: AskOptions = {},
): Ask {
  const { from, ignored = [], requirements, slots, order } = options;
  const { claims, index } = poolLiveOf(state, policy.spec.pool);
  const claimed = [...claims].filter(([, claimer]) => claimer !== run?.id).map(([server]) => server);
  const list = policyList(policy.spec);
  const pauses = run === undefined || ignored.includes('PAUSED') ? [] : pausedServers(run, age);
  return {
    query: {
      list,
      requirements: requirements ?? policyLiveOf(state, policy).requirements,
      slots: slots ?? run?.slots ?? policy.spec.slots,
      skip: run === undefined || ignored.includes('SKIPPED') ? [] : skippedServers(run, age),
      exclude: from === undefined ? pauses : [from, ...pauses],
      first: from === undefined ? run?.preferServer : undefined,
      claimed: ignored.includes('CLAIMED') ? [] : claimed,
    },
    list: new EffectiveList(list, order ?? index),
    age,
    skips: run?.skips ?? [],
    claims,
    from,
    reserved:
      from === undefined && run?.reservation !== undefined
        ? { server: run.reservation.server, run: run.id }
        : undefined,
  };
}

/** A pool as it is. */
export function serversNow(state: ClusterState, policy: Policy): Servers {
  const { index, lastResort, closed } = poolLiveOf(state, policy.spec.pool);
  return {
    index,
    lastResort: closed.size === 0 ? undefined : lastResort,
    viewOf: (id, supposed) => serverView(state, id, supposed),
  };
}

/** The server that a run gets now; undefined: none has room. */
export function choose(servers: Servers, ask: Ask): Choice | undefined {
  const reserved = reservedServer(servers, ask);
  if (reserved !== undefined) {
    return { server: reserved, rank: ask.list.rankOf(reserved), why: 'RESERVED', despite: undefined, passedOver: [] };
  }
  const { query } = ask;
  const { server, isLastResort } = decide(servers, query);
  if (server === undefined) return undefined;
  const why = server === query.first ? 'WAS_THERE' : 'RANK';
  const isAgainstOdds = isLastResort || query.skip.includes(server);
  return {
    server,
    rank: ask.list.rankOf(server),
    why,
    despite: isAgainstOdds ? obstacleAt(ask, server, servers.viewOf(server)) : undefined,
    passedOver: why === 'RANK' ? inFrontOf(server, servers, ask, isLastResort) : [],
  };
}

/** The server alone, without what is told of it. */
export const chooseServer = (servers: Servers, query: PlacementQuery): ServerId | undefined =>
  decide(servers, query).server;

/** `isLastResort`: no server with an open gate is eligible, with room or without, so closed ones are passed. */
export function decide(
  { index, lastResort }: Servers,
  query: PlacementQuery,
): { readonly server: ServerId | undefined; readonly isLastResort: boolean } {
  const server = index.choose(query);
  if (server !== undefined || lastResort === undefined) return { server, isLastResort: false };
  const anyRoom = { ...query, slots: Number.NEGATIVE_INFINITY, skip: [], exclude: [], claimed: [], first: undefined };
  if (index.choose(anyRoom) !== undefined) return { server, isLastResort: false };
  return { server: lastResort.choose(query), isLastResort: true };
}

/** The server where a slot is kept for the run, unless it can't take it any more: list and requirements may have been edited since (I8). */
function reservedServer({ viewOf }: Servers, ask: Ask): ServerId | undefined {
  if (ask.reserved === undefined) return undefined;
  const { server, run } = ask.reserved;
  const query = { ...ask.query, skip: [], exclude: [], claimed: [] };
  return obstacleAt({ ...ask, query }, server, viewOf(server, { run })) === undefined ? server : undefined;
}

function inFrontOf(server: ServerId, { viewOf }: Servers, ask: Ask, isLastResort: boolean): readonly PassedOver[] {
  const found: PassedOver[] = [];
  for (const other of ask.list.named()) {
    if (other === server || found.length === PASSED_OVER_MAX) break;
    const obstacle = obstacleAt(ask, other, viewOf(other), isLastResort);
    if (obstacle !== undefined) found.push({ server: other, obstacle });
  }
  return found;
}

/** Available servers of the effective list that have what the policy needs, with room or without. */
export function eligibleServers(state: ClusterState, policy: Policy): readonly ServerId[] {
  return [...effectiveList(state, policy)].filter((id) => {
    const server = serverOf(state, id);
    return isAvailable(state, server) && meetsRequirements(state, policy, server);
  });
}
