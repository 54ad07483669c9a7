import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import type { ServerFacts } from '../../../../controller/core/indexes/placement-query.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { naiveChoose } from '../placement/naive.ts';
import {
  capability,
  factsOf,
  moved,
  type PoolStep,
  poolSteps,
  queryOf,
  required,
  type Wish,
} from '../placement/pool-model.ts';
import { propertyRuns } from '../property.ts';

const id = serverId;
const ids = (text: string): readonly ServerId[] => text.split(' ').map(serverId);

function facts(changes: Partial<ServerFacts> = {}): ServerFacts {
  return { available: true, freeSlots: 1, capabilities: [], ...changes };
}

function poolOf(servers: Readonly<Record<string, Partial<ServerFacts>>>): PlacementIndex {
  const index = new PlacementIndex();
  index.setOrder(Object.keys(servers).map(serverId));
  for (const [name, changes] of Object.entries(servers)) index.setServer(id(name), facts(changes));
  return index;
}

/** Plays the steps to the index and to a plain map, and answers with what both choose. */
function play(steps: readonly PoolStep[]) {
  const index = new PlacementIndex();
  const servers = new Map<ServerId, ServerFacts>();
  const answers: { readonly answer: ServerId | undefined; readonly expected: ServerId | undefined }[] = [];
  let order: readonly ServerId[] = [];
  const set = (server: ServerId, is: ServerFacts) => {
    servers.set(server, is);
    index.setServer(server, is);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'SET_ORDER':
        order = step.order;
        index.setOrder(order);
        break;
      case 'MOVE':
        order = moved(order, step);
        index.setOrder(order);
        break;
      case 'SET_SERVER':
        set(step.id, factsOf(step.view));
        break;
      case 'FILL': {
        const server = order[step.rank % Math.max(1, order.length)];
        const old = server === undefined ? undefined : servers.get(server);
        if (server !== undefined && old !== undefined) set(server, { ...old, freeSlots: step.freeSlots });
        break;
      }
      case 'REMOVE':
        servers.delete(step.id);
        index.removeServer(step.id);
        break;
      case 'CHOOSE':
        answers.push({ answer: index.choose(step.query), expected: naiveChoose(step.query, order, servers) });
    }
  }
  return answers;
}

function choose(index: PlacementIndex, changes: Wish = {}): ServerId | undefined {
  return index.choose(queryOf(changes));
}

describe('placement', () => {
  it('takes the first server in the order with room, and spills to the next, then the next', () => {
    const index = poolOf({ a: {}, b: {}, c: {} });
    expect(choose(index)).toBe('a');
    index.setServer(id('a'), facts({ freeSlots: 0 }));
    expect(choose(index)).toBe('b');
    index.setServer(id('b'), facts({ freeSlots: 0 }));
    expect(choose(index)).toBe('c');
    index.setServer(id('c'), facts({ freeSlots: -2 }));
    expect(choose(index)).toBeUndefined();
    index.setServer(id('b'), facts());
    expect(choose(index)).toBe('b');
  });

  it('asks for as many slots as the run takes', () => {
    const index = poolOf({ a: { freeSlots: 2 }, b: { freeSlots: 3 } });
    expect(choose(index, { slots: 3 })).toBe('b');
    expect(choose(index, { slots: 4 })).toBeUndefined();
  });

  it('passes over servers that are not available or lack what is required', () => {
    const index = poolOf({
      a: { available: false, capabilities: [capability('os', 'linux')] },
      b: { capabilities: [capability('os', 'windows')] },
      c: { capabilities: [capability('os', 'linux')] },
    });
    const linux = { requirements: required('os = linux') };
    expect(choose(index, linux)).toBe('c');
    index.setServer(id('b'), facts({ capabilities: [capability('os', 'linux')] }));
    expect(choose(index, linux)).toBe('b');
    expect(choose(index, { requirements: required('os = linux', 'gpu') })).toBeUndefined();
  });

  it('keeps to an ONLY list in its own order, and goes on from a PREFER list in pool order', () => {
    const index = poolOf({ a: {}, b: { freeSlots: 0 }, c: {}, d: {} });
    expect(choose(index, { list: ids('d c') })).toBe('d');
    expect(choose(index, { list: ids('b stranger') })).toBeUndefined();
    expect(choose(index, { list: ids('b stranger'), mode: 'PREFER' })).toBe('a');
    expect(choose(index, { list: ids('b c'), mode: 'PREFER' })).toBe('c');
    expect(choose(index, { list: [], mode: 'ONLY' })).toBe('a');
  });

  it('takes a skipped server only if no other has room, and an excluded or claimed one never', () => {
    const index = poolOf({ a: {}, b: {}, c: { freeSlots: 0 } });
    expect(choose(index, { skip: ids('a') })).toBe('b');
    expect(choose(index, { skip: ids('a b') })).toBe('a');
    expect(choose(index, { skip: ids('b a') })).toBe('b');
    expect(choose(index, { skip: ids('a'), claimed: ids('b') })).toBe('a');
    expect(choose(index, { skip: ids('a'), exclude: ids('b') })).toBe('a');
    expect(choose(index, { skip: ids('a b'), exclude: ids('a') })).toBe('b');
    expect(choose(index, { exclude: ids('a'), claimed: ids('b') })).toBeUndefined();
    expect(choose(index)).toBe('a');
  });

  it('takes the one whose skip is oldest where all that fit are skipped, whatever its rank and wherever the run was', () => {
    const index = poolOf({ a: {}, b: {}, c: {}, d: { freeSlots: 0 } });
    expect(choose(index, { skip: ids('d c a b') })).toBe('c');
    expect(choose(index, { skip: ids('d c a b'), first: id('b') })).toBe('c');
    expect(choose(index, { skip: ids('d c a b'), claimed: ids('c') })).toBe('a');
    expect(choose(index, { skip: ids('c b a'), list: ids('a b') })).toBe('b');
    expect(choose(index, { skip: ids('c b a'), list: ids('a b'), mode: 'PREFER' })).toBe('c');
    expect(choose(index, { skip: ids('c b a'), requirements: required('gpu') })).toBeUndefined();
  });

  it("tries a lapsed run's own server first, if it is eligible", () => {
    const index = poolOf({ a: {}, b: {}, c: {} });
    const first = id('c');
    expect(choose(index, { first })).toBe('c');
    expect(choose(index, { first, list: ids('b a') })).toBe('b');
    expect(choose(index, { first, list: ids('b a'), mode: 'PREFER' })).toBe('c');
    expect(choose(index, { first, requirements: required('gpu') })).toBeUndefined();
    expect(choose(index, { first, skip: ids('c') })).toBe('a');
    expect(choose(index, { first, claimed: ids('c') })).toBe('a');
  });

  it('follows the order at once, and knows servers whose facts came before their place', () => {
    const index = poolOf({ a: {}, b: {}, c: {} });
    index.setOrder(ids('c a b'));
    expect(choose(index)).toBe('c');
    index.setServer(id('d'), facts());
    expect(choose(index)).toBe('c');
    index.setOrder(ids('d c a b'));
    expect(choose(index)).toBe('d');
    index.setOrder(ids('a b'));
    expect(choose(index, { list: ids('c b') })).toBe('b');
    index.removeServer(id('a'));
    expect(choose(index)).toBe('b');
    index.setOrder([]);
    expect(choose(index)).toBeUndefined();
  });

  it('keeps what it knows while a pool grows from nothing', () => {
    const index = new PlacementIndex();
    expect(choose(index, { requirements: required('!gpu') })).toBeUndefined();
    const order = Array.from({ length: 3_000 }, (_, rank) => id(`s${rank}`));
    for (const [rank, server] of order.entries()) {
      index.setServer(server, facts({ freeSlots: rank % 1_499 === 0 ? 1 : 0 }));
      index.setOrder(order.slice(0, rank + 1));
    }
    const requirements = required('!gpu');
    expect(choose(index, { requirements })).toBe('s0');
    expect(choose(index, { requirements, exclude: ids('s0') })).toBe('s1499');
    expect(choose(index, { requirements, exclude: ids('s0 s1499') })).toBe('s2998');
  });

  it('goes on in the next words when all servers of a word must not be taken', () => {
    const order = Array.from({ length: 70 }, (_, rank) => id(`s${rank}`));
    const index = poolOf(Object.fromEntries(order.map((server) => [server, {}])));
    expect(choose(index, { exclude: order.slice(0, 32) })).toBe('s32');
    expect(choose(index, { claimed: order.slice(0, 64) })).toBe('s64');
    expect(choose(index, { skip: order.slice(0, 69) })).toBe('s69');
    expect(choose(index, { skip: order })).toBe('s0');
    expect(choose(index)).toBe('s0');
  });

  it('finds the best of many servers that got room since it last looked', () => {
    const order = Array.from({ length: 3_000 }, (_, rank) => id(`s${rank}`));
    const index = poolOf(Object.fromEntries(order.map((server) => [server, { freeSlots: 0 }])));
    for (const freed of [1, 64, 65, 500]) {
      expect(choose(index)).toBeUndefined();
      const back = order.slice(100, 100 + 5 * freed).filter((_, i) => i % 5 === 0);
      for (const server of back) index.setServer(server, facts());
      for (const server of back) {
        expect(choose(index)).toBe(server);
        index.setServer(server, facts({ freeSlots: 0 }));
      }
    }
  });

  it('refuses an order that names a server twice', () => {
    expect(() => new PlacementIndex().setOrder(ids('a b a'))).toThrow('an order names each server once');
  });

  it('stays right when it has seen more requirements and sizes than it keeps', () => {
    const index = poolOf({ a: { freeSlots: 400 }, b: { freeSlots: 500, capabilities: [capability('n', '4500')] } });
    for (let n = 0; n < 5_000; n++) {
      expect(choose(index, { requirements: required('!gpu', `n = ${n}`) })).toBe(n === 4_500 ? 'b' : undefined);
    }
    for (let slots = 1; slots <= 450; slots++) expect(choose(index, { slots })).toBe(slots <= 400 ? 'a' : 'b');
    index.setServer(id('a'), facts({ freeSlots: 0 }));
    expect(choose(index)).toBe('b');
    index.setServer(id('a'), facts({ freeSlots: 1, capabilities: [capability('n', '7')] }));
    expect(choose(index, { requirements: required('!gpu', 'n = 7') })).toBe('a');
  });

  it('decides as a scan of all servers does, whatever happened before', () => {
    let placed = 0;
    const property = fc.property(poolSteps, (steps) => {
      const answers = play(steps);
      for (const { answer, expected } of answers) expect(answer).toBe(expected);
      placed += answers.filter(({ answer }) => answer !== undefined).length;
    });
    fc.assert(property, propertyRuns());
    expect(placed).toBeGreaterThan(0);
  });
});
