/**
 * Why a run would not go to a server: one ordered table, the first match is told. Everything that says "why not" prints from here:
 * events, `locum policy explain`, what a queued run waits for, plans, drains, refused moves.
 *
 * The order is that of how long it takes: what lasts until somebody changes something, then what keeps the server out of the
 * available list (what an operator wants of it before what passes by itself), then what keeps only this run out, now: the move that it
 * makes, slots that are gathered for another, slots that are used, a pause that ends within minutes, and last what is only avoided and
 * taken where nothing else has room. So what is told is what would still stand if all that is below it were gone.
 */
import type { RunId, ServerId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import type { PlacementQuery } from '../indexes/placement-query.ts';
import { capabilityMap, describeCapability, type Requirement, satisfies } from '../records/capability.ts';
import type { Skip } from '../records/skip.ts';
import type { EffectiveList } from './effective-list.ts';
import { freeSlotsOf, type ServerView, slotsOf, UNREGISTERED, usedText } from './server-view.ts';
import { roughly, whyAvoided } from './setback-text.ts';

/** One stable word each, in the order of the table. */
export type ObstacleReason =
  | 'NOT_LISTED'
  | 'NOT_REGISTERED'
  | 'REQUIREMENT'
  | 'TOO_SMALL'
  | 'DELETING'
  | 'LEFT'
  | 'MISSING'
  | 'SUSPECT'
  | 'DRAINING'
  | 'CORDONED'
  | 'SATURATED'
  | 'PROBATION'
  | 'QUARANTINED'
  | 'DISCONNECTED'
  | 'EXCLUDED'
  | 'CLAIMED'
  | 'FULL'
  | 'PAUSED'
  | 'SKIPPED';

/** What keeps a run from a server. Its words follow the server's name: `web-1 is full (2 of 2 slots used)`. */
export interface Obstacle extends Words {
  readonly reason: ObstacleReason;
}

interface Words {
  /** `is full`. */
  readonly is: string;
  /** `2 of 2 slots used`. */
  readonly because?: string | undefined;
  /** Age of the cluster at which it ends by itself. Undefined: nobody knows. */
  readonly untilAge?: number | undefined;
  /** What comes then. */
  readonly then?: { readonly is: string; readonly untilAge: number } | undefined;
  /** What would change it, as a clause of its own. */
  readonly change: string;
}

/** One placement as it is asked for. */
export interface Ask {
  /** What the index decides by; all else here is only for what is told. */
  readonly query: PlacementQuery;
  readonly list: EffectiveList;
  readonly age: number;
  /** What came to nothing for the run, and where. */
  readonly skips: readonly Skip[];
  /** Who gathers slots where. */
  readonly claims: ReadonlyMap<ServerId, RunId>;
  /** The server that the run moves away from. */
  readonly from: ServerId | undefined;
  /** The slot that is kept for it, and who it is. */
  readonly reserved: { readonly server: ServerId; readonly run: RunId } | undefined;
}

/** A server is looked at by itself… */
interface Looked {
  readonly id: ServerId;
  readonly view: ServerView;
  /** The policy has nothing else: a closed gate is passed, with one start at a time behind it (semantics 8). */
  readonly isLastResort: boolean;
}

/** …and for a run. */
interface Subject extends Looked {
  readonly ask: Ask;
}

interface Rule<S> {
  readonly reason: ObstacleReason;
  readonly stands: (subject: S) => boolean;
  readonly words: (subject: S) => Words;
}

/** Lasts until the policy, the limit or the server is changed. */
const LASTING: readonly Rule<Subject>[] = [
  {
    reason: 'NOT_LISTED',
    stands: ({ id, ask }) => !ask.list.names(id),
    words: () => ({ is: "is not in the policy's list", change: 'its servers or list_mode PREFER would change that' }),
  },
  {
    reason: 'NOT_REGISTERED',
    stands: ({ id, view, ask }) => view === UNREGISTERED || !ask.list.has(id),
    words: ({ view }) => ({
      is: 'is not registered in the pool',
      change:
        view === UNREGISTERED
          ? 'an agent of that name has to say Hello'
          : 'it is in another pool, and a policy goes to servers of its own pool only',
    }),
  },
  {
    reason: 'REQUIREMENT',
    stands: ({ view, ask }) => unmet(ask.query.requirements, view.capabilities).length > 0,
    words: ({ view, ask }) => lackOf(ask.query.requirements, view.capabilities),
  },
  {
    reason: 'TOO_SMALL',
    stands: ({ view, ask }) => view.maxSlots < ask.query.slots,
    words: ({ id, view, ask }) => ({
      is: `has a limit of ${slotsOf(view.maxSlots)}`,
      because: `the run takes ${ask.query.slots}`,
      change: `locum server limit ${id} raises it, up to its agent's own`,
    }),
  },
];

/** Not in the available list, whoever asks. */
const UNAVAILABLE: readonly Rule<Looked>[] = [
  {
    reason: 'DELETING',
    stands: ({ view }) => view.deleting,
    words: () => ({ is: 'is being deleted', change: 'it is gone once what it held is proven ended' }),
  },
  silenceRule('LEFT', 'its agent said goodbye; its return ends that'),
  silenceRule('MISSING', 'no heartbeat for missing_after of its pool; the return of its agent ends that'),
  silenceRule('SUSPECT', 'no heartbeat for suspect_after of its pool; the next one ends that'),
  ...(['DRAINING', 'CORDONED'] as const).map((reason) => ({
    reason,
    stands: ({ view }: Looked) => view.intent === reason,
    words: ({ id }: Looked) => ({ is: `is ${reason}`, change: `locum server uncordon ${id} ends that` }),
  })),
  {
    reason: 'SATURATED',
    stands: ({ view }) => view.load === 'SATURATED',
    words: () => ({ is: 'is SATURATED', change: 'CPU or memory is over its high mark; below the low one that ends' }),
  },
  gateRule('PROBATION', 'is on PROBATION'),
  gateRule('QUARANTINED', 'is QUARANTINED'),
  {
    reason: 'DISCONNECTED',
    stands: ({ view }) => !view.connected,
    words: () => ({ is: 'is not connected', change: 'its agent dials again by itself' }),
  },
];

/** Available, and not for this run, or not now. */
const NOT_NOW: readonly Rule<Subject>[] = [
  {
    // Of `query.exclude`, only what it moves away from; the pauses in there are told as PAUSED.
    reason: 'EXCLUDED',
    stands: ({ id, ask }) => id === ask.from,
    words: () => ({ is: 'is where it moves away from', change: 'that ends with the move' }),
  },
  {
    reason: 'CLAIMED',
    stands: ({ id, ask }) => ask.query.claimed.includes(id),
    words: ({ id, ask }) => {
      const run = ask.claims.get(id) ?? 'a run';
      return {
        is: `is kept for ${run}`,
        because: 'it has waited longer',
        change: `once ${run} is placed, that ends`,
      };
    },
  },
  {
    reason: 'FULL',
    stands: ({ view, ask }) => freeSlotsOf(view) < ask.query.slots,
    words: ({ id, view, ask }) => ({
      ...fullness(view, ask.query.slots),
      change: `a slot that frees or a higher limit (locum server limit ${id}) ends that`,
    }),
  },
  {
    reason: 'PAUSED',
    stands: ({ id, ask }) => ask.query.exclude.includes(id),
    words: ({ id, ask }) => {
      const skip = skipAt(ask, id);
      const change = 'locum run release ends a pause';
      if (skip === undefined) return { is: 'is paused', change };
      const { pausedUntilAge, untilAge } = skip;
      const then = untilAge > pausedUntilAge ? { is: 'avoided', untilAge } : undefined;
      return { is: 'is paused', because: whyAvoided(skip), untilAge: pausedUntilAge, then, change };
    },
  },
  {
    reason: 'SKIPPED',
    stands: ({ id, ask }) => ask.query.skip.includes(id),
    words: ({ id, ask }) => {
      const skip = skipAt(ask, id);
      const change = 'it is taken sooner where no other has room';
      return { is: 'is avoided', because: skip && whyAvoided(skip), untilAge: skip?.untilAge, change };
    },
  },
];

const TABLE: readonly Rule<Subject>[] = [...LASTING, ...UNAVAILABLE, ...NOT_NOW];

/** All there are, in the order in which they are told. */
export const OBSTACLES: readonly ObstacleReason[] = TABLE.map(({ reason }) => reason);

/** What keeps a run from a server; undefined: nothing does. `view` undefined: nothing is registered there. */
export function obstacleAt(
  ask: Ask,
  id: ServerId,
  view: ServerView | undefined,
  isLastResort = false,
): Obstacle | undefined {
  const subject = { id, view: view ?? UNREGISTERED, isLastResort, ask };
  const rule = TABLE.find(({ stands }) => stands(subject));
  return rule === undefined ? undefined : { reason: rule.reason, ...rule.words(subject) };
}

/** In the available list, or, behind a closed gate, as good as in it for who has nothing else. */
export const isInAvailableList = (view: ServerView, id: ServerId, isLastResort = false): boolean =>
  !UNAVAILABLE.some(({ stands }) => stands({ id, view, isLastResort }));

/** Why a server is not in the available list; undefined: it is in it. */
export function unavailability(view: ServerView, id: ServerId): Obstacle | undefined {
  const subject = { id, view, isLastResort: false };
  const rule = UNAVAILABLE.find(({ stands }) => stands(subject));
  return rule === undefined ? undefined : { reason: rule.reason, ...rule.words(subject) };
}

/** It would stand however long the run waited: until the policy, the server's limit or what it offers is changed. */
export const isLasting = ({ reason }: Obstacle): boolean =>
  reason === 'DELETING' || LASTING.some((rule) => rule.reason === reason);

/** The server is in the available list and may take such a run, if not now. */
export function isSuitable(ask: Ask, id: ServerId, view: ServerView): boolean {
  const subject = { id, view, isLastResort: false, ask };
  return !UNAVAILABLE.some(({ stands }) => stands(subject)) && !LASTING.some(({ stands }) => stands(subject));
}

/** `is avoided for 5 min (it was lost there)`, after the server's name. Without an `age` what is told stays true: for how long is left out. */
export function obstacleText({ is, because, untilAge, then }: Obstacle, age?: number): string {
  const lasts = (until: number | undefined): string =>
    until === undefined || age === undefined ? '' : ` for ${roughly(until - age)}`;
  const after = then === undefined || age === undefined ? '' : `, then ${then.is}${lasts(then.untilAge)}`;
  return `${is}${lasts(untilAge)}${after}${because === undefined ? '' : ` (${because})`}`;
}

/** `does not meet gpu (has no gpu)`, after the server's name. */
export const lackText = (requirements: readonly Requirement[], capabilities: readonly Capability[]): string =>
  obstacleText({ reason: 'REQUIREMENT', ...lackOf(requirements, capabilities) });

function lackOf(requirements: readonly Requirement[], capabilities: readonly Capability[]): Words {
  const lacks = unmet(requirements, capabilities);
  const byName = capabilityMap(capabilities);
  const told = lacks.slice(0, LACKS_TOLD);
  const more = lacks.length > told.length ? ` and ${lacks.length - told.length} more` : '';
  return {
    is: `does not meet ${told.map(({ text }) => text).join(' and ')}${more}`,
    because: [...new Set(told.map(({ name }) => describeCapability(name, byName)))].join(', '),
    change: 'its agent has to offer that',
  };
}

/** So many requirements are named: a sentence, not a page. */
const LACKS_TOLD = 3;

function fullness(view: ServerView, needed: number): Pick<Words, 'is' | 'because'> {
  if (freeSlotsOf(view) <= 0) return { is: 'is full', because: usedText(view) };
  return { is: `has fewer than ${needed} slots free`, because: usedText(view) };
}

function silenceRule(reason: 'LEFT' | 'MISSING' | 'SUSPECT', change: string): Rule<Looked> {
  return {
    reason,
    stands: ({ view }) => view.liveness === reason,
    words: () => ({ is: `is ${reason}`, change }),
  };
}

function gateRule(reason: 'PROBATION' | 'QUARANTINED', is: string): Rule<Looked> {
  return {
    reason,
    // Whether a start is under way is asked last: it costs as much as there are runs.
    stands: ({ view, isLastResort }) => view.gate.kind === reason && !(isLastResort && !view.isBusy),
    words: ({ view: { gate }, isLastResort }) => {
      if (gate.kind === 'OPEN') return { is, change: 'it is open' };
      const change = isLastResort ? 'it is tried with one start at a time, and one is under way' : gate.wayOut;
      return { is, because: gate.why, untilAge: gate.untilAge, change };
    },
  };
}

const skipAt = ({ skips }: Ask, id: ServerId): Skip | undefined => skips.find(({ server }) => server === id);

function unmet(requirements: readonly Requirement[], capabilities: readonly Capability[]): readonly Requirement[] {
  if (requirements.length === 0) return [];
  const byName = capabilityMap(capabilities);
  return requirements.filter((one) => !satisfies(one, byName));
}
