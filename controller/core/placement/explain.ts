import type { ServerId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import type { PlacementQuery } from '../indexes/placement-query.ts';
import {
  type CapabilityMap,
  capabilityMap,
  describeUnmet,
  type Requirement,
  satisfies,
} from '../records/capability.ts';
import type { Intent, Liveness } from '../records/state.ts';
import { EffectiveList, type PoolOrder } from './effective-list.ts';

/** A server as an explanation needs it. */
export interface ServerView {
  readonly liveness: Liveness;
  readonly intent: Intent;
  readonly load: 'AVAILABLE' | 'SATURATED';
  readonly deleting: boolean;
  /** An agent stream is open: a start could be sent. */
  readonly connected: boolean;
  /** A start is under way there. */
  readonly isBusy: boolean;
  /** Whether the controller gives it new runs, and why not. */
  readonly gate: { readonly kind: 'OPEN' } | { readonly kind: 'PROBATION' | 'QUARANTINED'; readonly reason: string };
  /** Effective limit minus attempts not proven ended minus reservations. */
  readonly freeSlots: number;
  /** Slots of attempts not proven ended. */
  readonly usedSlots: number;
  /** The effective limit: the smaller of the operator's and the agent's. */
  readonly maxSlots: number;
  readonly capabilities: readonly Capability[];
}

/** Looks a server up; undefined: not registered. */
export type ServerLookup = (id: ServerId) => ServerView | undefined;

/** One stable word for what holds a server back, or that nothing does. */
export type VerdictReason = 'CHOSEN' | 'AVAILABLE' | Obstacle;

export type Obstacle =
  | 'NOT_LISTED'
  | 'REQUIREMENT'
  | 'DELETING'
  | 'LEFT'
  | 'MISSING'
  | 'SUSPECT'
  | 'DISCONNECTED'
  | 'DRAINING'
  | 'CORDONED'
  | 'SATURATED'
  | 'PROBATION'
  | 'QUARANTINED'
  | 'FULL'
  | 'CLAIMED'
  | 'SKIPPED';

/** Why one server would or would not get the run. */
export interface Verdict {
  readonly server: ServerId;
  /** Position in the effective list, from 1; 0: not in it. */
  readonly rank: number;
  /** It could take the run now. */
  readonly eligible: boolean;
  readonly reason: VerdictReason;
  /** The reason in words, with its figures. */
  readonly detail: string;
}

export interface Explanation {
  /** What `PlacementIndex.choose` answers to the same query. */
  readonly chosen?: ServerId;
  /** Every registered server, in the order in which they are tried; those that are not listed come last. */
  readonly verdicts: readonly Verdict[];
}

/** In the available list: ALIVE, ACTIVE, AVAILABLE, its gate open, not being deleted, and with a stream that a start can be sent on. */
export function takesPlacements(
  server: Pick<ServerView, 'liveness' | 'intent' | 'load' | 'deleting' | 'connected' | 'gate'>,
): boolean {
  const { liveness, intent, load, deleting, connected, gate } = server;
  const isThere = liveness === 'ALIVE' && !deleting && connected;
  return isThere && intent === 'ACTIVE' && load === 'AVAILABLE' && gate.kind === 'OPEN';
}

/** Tells for every server of the pool why a run would or would not be placed there now. */
export function explain(
  query: PlacementQuery,
  pool: PoolOrder,
  servers: ServerLookup,
  whyAvoided: (server: ServerId) => string = () => 'it was lost or failed there a short time ago',
): Explanation {
  const all = candidates(query, pool, servers);
  const first = all.map((candidate) => ({ candidate, obstacle: findObstacle(candidate, query) }));
  // Nothing else is eligible, with room or without: what is behind a closed gate is the last resort.
  const isLastResort = !first.some(({ obstacle }) => obstacle === undefined || PASSING.has(obstacle.reason));
  const judged = isLastResort ? all.map((candidate) => ({ candidate, obstacle: findGated(candidate, query) })) : first;
  const open = judged.filter(({ obstacle }) => obstacle === undefined).map(({ candidate }) => candidate);
  const preferred = open.find(({ id }) => !query.skip.includes(id));
  const oldest = query.skip.flatMap((id) => open.find((candidate) => candidate.id === id) ?? [])[0];
  const chosen = preferred ?? oldest;
  const verdicts = judged.map(({ candidate, obstacle }): Verdict => {
    const { id: server, rank } = candidate;
    if (obstacle !== undefined) {
      const detail = obstacle.reason === 'SKIPPED' ? `${obstacle.detail}: ${whyAvoided(server)}` : obstacle.detail;
      return { server, rank, eligible: false, reason: obstacle.reason, detail };
    }
    if (candidate === chosen) {
      const detail = whyChosen(candidate, query, { whyAvoided, hasOthers: open.length > 1 });
      return { server, rank, eligible: true, reason: 'CHOSEN', detail };
    }
    if (preferred !== undefined && query.skip.includes(server)) {
      const detail = `the run avoids it while another one has room: ${whyAvoided(server)}`;
      return { server, rank, eligible: false, reason: 'SKIPPED', detail };
    }
    return { server, rank, eligible: true, reason: 'AVAILABLE', detail: room(candidate) };
  });
  return chosen === undefined ? { verdicts } : { chosen: chosen.id, verdicts };
}

export type Satisfiability =
  | { readonly kind: 'satisfiable' }
  | {
      readonly kind: 'unsatisfiable';
      /** One sentence. */
      readonly detail: string;
    };

/**
 * Whether some registered server could ever take the run: it is in the effective list, meets the requirements and has
 * a limit of enough slots. Whether it is there, free, skipped or claimed now does not count.
 */
export function satisfiable(
  query: Pick<PlacementQuery, 'list' | 'requirements' | 'slots'>,
  pool: PoolOrder,
  servers: ServerLookup,
): Satisfiability {
  const whole: PlacementQuery = { ...query, skip: [], exclude: [], claimed: [] };
  const registered = candidates(whole, pool, servers).filter(({ view }) => !view.deleting);
  if (registered.length === 0) return never('No server is registered in the pool.');
  const listed = registered.filter(({ rank }) => rank > 0);
  if (listed.length === 0) return never("None of the servers in the policy's list is registered.");
  const where = listed.length < registered.length ? 'listed server' : 'registered server';
  const unmet = query.requirements.find((one) => !listed.some(({ byName }) => satisfies(one, byName)));
  if (unmet !== undefined) return never(`No ${where} meets the requirement ${unmet.text}.`);
  const capable = listed.filter(({ byName }) => query.requirements.every((one) => satisfies(one, byName)));
  if (capable.length === 0) {
    return never(`No ${where} meets all of ${query.requirements.map((one) => one.text).join(' and ')}.`);
  }
  const largest = capable.reduce((best, one) => (one.view.maxSlots > best.view.maxSlots ? one : best));
  if (largest.view.maxSlots >= query.slots) return { kind: 'satisfiable' };
  const figures = `${slots(query.slots)} and the largest limit is ${largest.view.maxSlots}, of ${largest.id}`;
  return never(`It needs ${figures}${capable.length < registered.length ? ', among the servers that qualify' : ''}.`);
}

interface Candidate {
  readonly id: ServerId;
  /** In the effective list, from 1; 0: not in it. */
  readonly rank: number;
  readonly view: ServerView;
  /** Its capabilities; empty where the query requires none. */
  readonly byName: CapabilityMap;
}

/** All registered servers in the order in which they are tried, the ones outside the effective list last. */
function candidates(query: PlacementQuery, pool: PoolOrder, servers: ServerLookup): readonly Candidate[] {
  const effective = new EffectiveList(query.list, pool);
  const { first } = query;
  const tried = new Set(first !== undefined && effective.has(first) ? [first, ...effective] : effective);
  const asked = query.requirements.length > 0;
  return [...tried, ...pool.order.filter((id) => !tried.has(id))].flatMap((id) => {
    const view = servers(id);
    if (view === undefined) return [];
    return [{ id, rank: effective.rankOf(id), view, byName: capabilityMap(asked ? view.capabilities : []) }];
  });
}

interface Rule {
  readonly reason: Obstacle;
  /** The obstacle in words; undefined: there is none. */
  readonly find: (candidate: Candidate, query: PlacementQuery) => string | undefined;
}

/** First match wins: what can't change comes before what an operator changes, and that before what passes by itself. */
const RULES: readonly Rule[] = [
  { reason: 'NOT_LISTED', find: ({ rank }) => when(rank === 0, "it is not in the policy's server list") },
  { reason: 'REQUIREMENT', find: (candidate, query) => unmetOf(candidate, query.requirements) },
  { reason: 'DELETING', find: ({ view }) => when(view.deleting, 'it is being deleted') },
  { reason: 'LEFT', find: ({ view }) => when(view.liveness === 'LEFT', 'its agent said goodbye') },
  {
    reason: 'MISSING',
    find: ({ view }) => when(view.liveness === 'MISSING', 'no heartbeat for longer than missing_after of its pool'),
  },
  {
    reason: 'SUSPECT',
    find: ({ view }) => when(view.liveness === 'SUSPECT', 'no heartbeat for longer than suspect_after of its pool'),
  },
  { reason: 'DISCONNECTED', find: ({ view }) => when(!view.connected, 'its agent is not connected at the moment') },
  { reason: 'DRAINING', find: ({ view }) => when(view.intent === 'DRAINING', 'it is being drained') },
  { reason: 'CORDONED', find: ({ view }) => when(view.intent === 'CORDONED', 'it is cordoned') },
  { reason: 'SATURATED', find: ({ view }) => when(view.load === 'SATURATED', 'CPU or memory is over its high mark') },
  { reason: 'PROBATION', find: ({ view: { gate } }) => (gate.kind === 'PROBATION' ? gate.reason : undefined) },
  { reason: 'QUARANTINED', find: ({ view: { gate } }) => (gate.kind === 'QUARANTINED' ? gate.reason : undefined) },
  {
    reason: 'FULL',
    find: (candidate, query) => {
      return when(candidate.view.freeSlots < query.slots, `${room(candidate)}, the run needs ${query.slots}`);
    },
  },
  {
    reason: 'CLAIMED',
    find: ({ id }, query) => when(query.claimed.includes(id), 'its free slots gather for a run that waited longer'),
  },
  {
    reason: 'SKIPPED',
    find: ({ id }, query) => when(query.exclude.includes(id), 'the run is not tried there yet'),
  },
];

/** Eligible, but not for this run at this moment. */
const PASSING: ReadonlySet<Obstacle> = new Set<Obstacle>(['FULL', 'CLAIMED', 'SKIPPED']);

/** Behind a closed gate one start at a time is tried. */
function findGated(candidate: Candidate, query: PlacementQuery) {
  const { gate, isBusy } = candidate.view;
  if (gate.kind === 'OPEN' || isBusy) return findObstacle(candidate, query);
  return findObstacle({ ...candidate, view: { ...candidate.view, gate: { kind: 'OPEN' } } }, query);
}

function findObstacle(candidate: Candidate, query: PlacementQuery) {
  for (const { reason, find } of RULES) {
    const detail = find(candidate, query);
    if (detail !== undefined) return { reason, detail };
  }
  return undefined;
}

function when(condition: boolean, detail: string): string | undefined {
  return condition ? detail : undefined;
}

function unmetOf({ byName }: Candidate, requirements: readonly Requirement[]): string | undefined {
  const unmet = requirements.filter((one) => !satisfies(one, byName));
  return unmet.length === 0 ? undefined : unmet.map((one) => describeUnmet(one, byName)).join('; ');
}

function whyChosen(
  candidate: Candidate,
  query: PlacementQuery,
  { whyAvoided, hasOthers }: { readonly whyAvoided: (server: ServerId) => string; readonly hasOthers: boolean },
): string {
  const { gate } = candidate.view;
  if (gate.kind !== 'OPEN') return `${room(candidate)}; ${gate.reason}, but no other server may take it`;
  if (query.skip.includes(candidate.id)) {
    const others = hasOthers
      ? 'it avoids all others with room for something newer'
      : 'no other server that may take it has room';
    return `${room(candidate)}; the run avoids it (${whyAvoided(candidate.id)}), but ${others}`;
  }
  if (candidate.id === query.first) return `${room(candidate)}; the run was here before, and comes back first`;
  return `${room(candidate)}; first in the list that fits`;
}

function room({ view }: Candidate): string {
  return `${view.usedSlots} of ${slots(view.maxSlots)} used, ${view.freeSlots} free`;
}

function slots(count: number): string {
  return count === 1 ? '1 slot' : `${count} slots`;
}

function never(detail: string): Satisfiability {
  return { kind: 'unsatisfiable', detail };
}
