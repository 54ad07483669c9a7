import fc from 'fast-check';
import type { PlacementQuery, ServerFacts } from '../../../../controller/core/indexes/placement-query.ts';
import { EffectiveList, type PoolOrder, policyList } from '../../../../controller/core/placement/effective-list.ts';
import { type Ask, isInAvailableList } from '../../../../controller/core/placement/obstacle.ts';
import { freeSlotsOf, type ServerView } from '../../../../controller/core/placement/server-view.ts';
import { parseRequirement, type Requirement } from '../../../../controller/core/records/capability.ts';
import type { ListMode } from '../../../../controller/core/records/state.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import type { Capability } from '../../../../shared/protocol/capability.ts';

/** Random pools, changes and queries over a fixed set of servers that fills more than two words. */
const MAX_SERVERS = 70;
const ALL = Array.from({ length: MAX_SERVERS }, (_, n) => serverId(`s${n}`));
/** Often one of a few, so that changes and queries meet. */
const id = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...ALL.slice(0, 6)) }, fc.constantFrom(...ALL));

export function required(...texts: readonly string[]): readonly Requirement[] {
  return texts.map((text) => {
    const result = parseRequirement(text);
    if (result.kind === 'error') throw new Error(result.detail);
    return result.requirement;
  });
}

export function capability(name: string, value: string): Capability {
  return { name, value, source: 'CONFIG' };
}

const ANY = serverId('any');

/** A healthy server with nothing on it. */
export function viewOf(changes: Partial<ServerView> = {}): ServerView {
  return {
    ...{ liveness: 'ALIVE', intent: 'ACTIVE', load: 'AVAILABLE', deleting: false, connected: true, capabilities: [] },
    ...{ gate: { kind: 'OPEN' }, isBusy: false },
    ...{ maxSlots: 50, usedSlots: 0, reservedSlots: 0 },
    ...changes,
  };
}

export function factsOf(view: ServerView): ServerFacts {
  return { available: isInAvailableList(view, ANY), freeSlots: freeSlotsOf(view), capabilities: view.capabilities };
}

/** What the index of the last resort is told of a server behind a closed gate. */
export function gatedFactsOf(view: ServerView): ServerFacts {
  return { ...factsOf(view), available: isInAvailableList(view, ANY, true) };
}

/** What a test asks for: the policy's list as it is written, and what else is not usual. */
export interface Wish extends Partial<Omit<PlacementQuery, 'list'>> {
  readonly list?: readonly ServerId[];
  readonly mode?: ListMode;
}

export function queryOf({ list = [], mode = 'ONLY', ...changes }: Wish = {}): PlacementQuery {
  const usual = { requirements: [], slots: 1, skip: [], exclude: [], claimed: [] };
  return { ...usual, ...changes, list: policyList({ servers: list, listMode: mode }) };
}

/** The query of a run of which nothing is known but what the index needs. */
export function askFor(query: PlacementQuery, pool: PoolOrder, more: Partial<Ask> = {}): Ask {
  const nothing = { age: 0, skips: [], claims: new Map(), from: undefined, reserved: undefined };
  return { ...nothing, query, list: new EffectiveList(query.list, pool), ...more };
}

const capabilities = fc
  .record({ os: fc.constantFrom('linux', 'windows'), dotnet: fc.constantFrom('', '2.1', '3.0'), gpu: fc.boolean() })
  .map(({ os, dotnet, gpu }): readonly Capability[] => [
    capability('os', os),
    ...(dotnet === '' ? [] : [capability('dotnet', dotnet)]),
    ...(gpu ? [capability('gpu', '')] : []),
  ]);

export const probation = {
  ...({ kind: 'PROBATION', untilAge: undefined } as const),
  ...{ why: 'it can start nothing', wayOut: 'its agent will say when that is over' },
};

/** Mostly available ones: a pool where nothing is eligible tests little. */
const view = fc
  .record({
    liveness: mostly<ServerView['liveness']>('ALIVE', 'SUSPECT', 'MISSING', 'LEFT'),
    intent: mostly<ServerView['intent']>('ACTIVE', 'CORDONED', 'DRAINING'),
    load: mostly<ServerView['load']>('AVAILABLE', 'SATURATED'),
    deleting: mostly(false, true),
    connected: mostly(true, false),
    gate: mostly<ServerView['gate']>({ kind: 'OPEN' }, probation),
    isBusy: mostly(false, true),
    usedSlots: fc.integer({ min: 0, max: 6 }),
    reservedSlots: mostly(0, 1),
    maxSlots: fc.integer({ min: 0, max: 5 }),
    capabilities,
  })
  .map(viewOf);

function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

const few = fc.array(id, { maxLength: 3 });
const list = fc
  .record({ servers: fc.uniqueArray(id, { maxLength: 8 }), listMode: fc.constantFrom('ONLY', 'PREFER') })
  .map(policyList);
const query: fc.Arbitrary<PlacementQuery> = fc.record({
  list,
  requirements: fc
    .subarray(['os = linux', 'dotnet >= 3.0', '!gpu', 'gpu', 'os in (linux, windows)', 'java'], { maxLength: 3 })
    .map((texts) => required(...texts)),
  slots: fc.integer({ min: 1, max: 4 }),
  skip: few,
  exclude: few,
  first: fc.option(id, { nil: undefined }),
  claimed: few,
});

export type PoolStep =
  | { readonly kind: 'SET_ORDER'; readonly order: readonly ServerId[] }
  /** Moves the server at one rank to another, both modulo the size of the pool. */
  | { readonly kind: 'MOVE'; readonly from: number; readonly to: number }
  | { readonly kind: 'SET_SERVER'; readonly id: ServerId; readonly view: ServerView }
  | { readonly kind: 'FILL'; readonly rank: number; readonly freeSlots: number }
  | { readonly kind: 'REMOVE'; readonly id: ServerId }
  | { readonly kind: 'CHOOSE'; readonly query: PlacementQuery };

const rank = fc.oneof(fc.nat(5), fc.nat(MAX_SERVERS - 1));
const order = fc.oneof(
  fc.shuffledSubarray(ALL),
  fc.shuffledSubarray(ALL.slice(0, 6)),
  fc.nat(MAX_SERVERS).map((count) => ALL.slice(0, count)),
);

export function moved(current: readonly ServerId[], { from, to }: { from: number; to: number }): readonly ServerId[] {
  const server = current[from % Math.max(1, current.length)];
  if (server === undefined) return current;
  return current.filter((one) => one !== server).toSpliced(to % current.length, 0, server);
}

/** A pool that is filled at random, then steps of which about half are queries. */
export const poolSteps: fc.Arbitrary<readonly PoolStep[]> = fc
  .tuple(
    order,
    fc.array(fc.tuple(id, view), { maxLength: 40 }),
    fc.array(
      fc.oneof(
        { weight: 10, arbitrary: query.map((q): PoolStep => ({ kind: 'CHOOSE', query: q })) },
        {
          weight: 5,
          arbitrary: fc
            .record({ rank, freeSlots: fc.integer({ min: -1, max: 4 }) })
            .map((fill): PoolStep => ({ kind: 'FILL', ...fill })),
        },
        {
          weight: 3,
          arbitrary: fc.tuple(id, view).map(([at, v]): PoolStep => ({ kind: 'SET_SERVER', id: at, view: v })),
        },
        { weight: 2, arbitrary: fc.tuple(rank, rank).map(([from, to]): PoolStep => ({ kind: 'MOVE', from, to })) },
        { weight: 1, arbitrary: order.map((ids): PoolStep => ({ kind: 'SET_ORDER', order: ids })) },
        { weight: 1, arbitrary: id.map((gone): PoolStep => ({ kind: 'REMOVE', id: gone })) },
      ),
      { maxLength: 40 },
    ),
  )
  .map(([ids, servers, steps]) => [
    { kind: 'SET_ORDER', order: ids },
    ...servers.map(([at, v]): PoolStep => ({ kind: 'SET_SERVER', id: at, view: v })),
    ...steps,
  ]);
