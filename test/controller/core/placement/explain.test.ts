import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import { chooseServer, type Servers } from '../../../../controller/core/placement/choose.ts';
import { explain, withheld } from '../../../../controller/core/placement/explain.ts';
import type { Ask } from '../../../../controller/core/placement/obstacle.ts';
import { whyNever, whyNowhere } from '../../../../controller/core/placement/placement-text.ts';
import type { ServerView } from '../../../../controller/core/placement/server-view.ts';
import { runId, type ServerId, serverId } from '../../../../shared/ids.ts';
import { SECOND } from '../../../../shared/time.ts';
import { propertyRuns } from '../property.ts';
import {
  askFor,
  capability,
  factsOf,
  gatedFactsOf,
  moved,
  type PoolStep,
  poolSteps,
  probation,
  queryOf,
  required,
  viewOf,
  type Wish,
} from './pool-model.ts';

const ids = (text: string): readonly ServerId[] => text.split(' ').map(serverId);

/** A pool whose servers are kept as plain views beside the indexes. */
class Pool implements Servers {
  readonly index = new PlacementIndex();
  readonly #closedIndex = new PlacementIndex();
  readonly #closed = new Set<ServerId>();
  readonly #views = new Map<ServerId, ServerView>();

  get lastResort(): PlacementIndex | undefined {
    return this.#closed.size === 0 ? undefined : this.#closedIndex;
  }

  readonly viewOf = (id: ServerId): ServerView | undefined => this.#views.get(id);

  setOrder(order: readonly ServerId[]): void {
    this.index.setOrder(order);
    this.#closedIndex.setOrder(order);
  }

  set(id: ServerId, view: ServerView): void {
    this.#views.set(id, view);
    this.index.setServer(id, factsOf(view));
    if (view.gate.kind !== 'OPEN') {
      this.#closed.add(id);
      this.#closedIndex.setServer(id, gatedFactsOf(view));
    } else if (this.#closed.delete(id)) this.#closedIndex.removeServer(id);
  }

  explain(wish: Wish = {}, more: Partial<Ask> = {}) {
    return explain(this, askFor(queryOf(wish), this.index, more), ({ why, rank }) => `${why} ${rank}`);
  }

  nowhere(wish: Wish = {}, more: Partial<Ask> = {}, atMost?: number): string {
    const options = { age: 0, ...(atMost === undefined ? {} : { atMost }) };
    const { reason, message } = whyNowhere(this, askFor(queryOf(wish), this.index, more), options);
    return `${reason}: ${message}`;
  }

  never(wish: Wish = {}): string | undefined {
    return whyNever(this, askFor(queryOf(wish), this.index));
  }
}

/** In the order of its keys. */
function poolOf(views: Readonly<Record<string, Partial<ServerView>>>): Pool {
  const pool = new Pool();
  pool.setOrder(Object.keys(views).map(serverId));
  for (const [id, view] of Object.entries(views)) pool.set(serverId(id), viewOf(view));
  return pool;
}

/** One line per server. */
function lines(explanation: ReturnType<typeof explain>): readonly string[] {
  return explanation.verdicts.map(({ server, rank, eligible, reason, detail }) => {
    return `${server} ${rank} ${eligible ? 'yes' : 'no'} ${reason}: ${detail}`;
  });
}

/** Plays the steps, and explains each answer. */
function play(steps: readonly PoolStep[]) {
  const pool = new Pool();
  return steps.flatMap((step) => {
    if (step.kind === 'SET_ORDER') pool.setOrder(step.order);
    else if (step.kind === 'MOVE') pool.setOrder(moved(pool.index.order, step));
    else if (step.kind === 'SET_SERVER') pool.set(step.id, step.view);
    if (step.kind !== 'CHOOSE') return [];
    const ask = askFor(step.query, pool.index);
    return {
      query: step.query,
      answer: chooseServer(pool, step.query),
      explanation: explain(pool, ask, () => ''),
      never: whyNever(pool, ask),
      nowhere: whyNowhere(pool, ask),
      named: new Set([...step.query.list.own, ...pool.index.order]),
    };
  });
}

describe('the explanation of a placement', () => {
  it('gives every server one reason, with the figures behind it and what would change it', () => {
    const pool = poolOf({
      a: { liveness: 'MISSING' },
      b: { liveness: 'SUSPECT' },
      c: { liveness: 'LEFT' },
      d: { intent: 'CORDONED' },
      e: { intent: 'DRAINING' },
      f: { load: 'SATURATED' },
      g: { deleting: true },
      h: { maxSlots: 3, usedSlots: 2, reservedSlots: 1 },
      i: { capabilities: [capability('os', 'windows')] },
      j: {},
      k: {},
      l: {},
      m: { usedSlots: 12 },
      n: { maxSlots: 3, usedSlots: 1 },
      o: { maxSlots: 1 },
      p: { connected: false },
      q: { gate: probation },
      r: { maxSlots: 2, usedSlots: 1 },
    });
    const wish = {
      slots: 2,
      requirements: required('os != windows'),
      skip: ids('j'),
      exclude: ids('k'),
      claimed: ids('l'),
    };
    const setback = { triedUntilAge: 0, count: 1, lastAge: 0, reason: 'REFUSED' } as const;
    const explanation = pool.explain(wish, {
      claims: new Map([[serverId('l'), runId('big-3')]]),
      skips: [
        { ...setback, server: serverId('j'), untilAge: 300 * SECOND, pausedUntilAge: 0 },
        { ...setback, server: serverId('k'), untilAge: 300 * SECOND, pausedUntilAge: 8 * SECOND },
      ],
    });
    expect(explanation.chosen).toBe('m');
    expect(lines(explanation)).toEqual([
      'a 1 no MISSING: is MISSING; no heartbeat for missing_after of its pool; the return of its agent ends that',
      'b 2 no SUSPECT: is SUSPECT; no heartbeat for suspect_after of its pool; the next one ends that',
      'c 3 no LEFT: is LEFT; its agent said goodbye; its return ends that',
      'd 4 no CORDONED: is CORDONED; locum server uncordon d ends that',
      'e 5 no DRAINING: is DRAINING; locum server uncordon e ends that',
      'f 6 no SATURATED: is SATURATED; CPU or memory is over its high mark; below the low one that ends',
      'g 7 no DELETING: is being deleted; it is gone once what it held is proven ended',
      'h 8 no FULL: is full (2 of 3 slots used, 1 reserved); a slot that frees or a higher limit (locum server limit h) ends that',
      'i 9 no REQUIREMENT: does not meet os != windows (has os = windows); its agent has to offer that',
      'j 10 no SKIPPED: is avoided for 5 min (its start there was refused); it is taken sooner where no other has room',
      'k 11 no PAUSED: is paused for 8 s, then avoided for 5 min (its start there was refused); locum run release ends a pause',
      'l 12 no CLAIMED: is kept for big-3 (it has waited longer); once big-3 is placed, that ends',
      'm 13 yes CHOSEN: 12 of 50 slots used, 38 free; RANK 13',
      'n 14 yes AVAILABLE: 1 of 3 slots used, 2 free',
      "o 15 no TOO_SMALL: has a limit of 1 slot (the run takes 2); locum server limit o raises it, up to its agent's own",
      'p 16 no DISCONNECTED: is not connected; its agent dials again by itself',
      'q 17 no PROBATION: is on PROBATION (it can start nothing); its agent will say when that is over',
      'r 18 no FULL: has fewer than 2 slots free (1 of 2 slots used); a slot that frees or a higher limit (locum server limit r) ends that',
    ]);
  });

  it("lists servers in the order in which they are tried, with their rank in the policy's own list as it is written", () => {
    const pool = poolOf({ a: {}, b: {}, c: {} });
    expect(lines(pool.explain({ list: ids('c stranger b') }))).toEqual([
      'c 1 yes CHOSEN: 0 of 50 slots used, 50 free; RANK 1',
      'stranger 2 no NOT_REGISTERED: is not registered in the pool; an agent of that name has to say Hello',
      'b 3 yes AVAILABLE: 0 of 50 slots used, 50 free',
      "a 0 no NOT_LISTED: is not in the policy's list; its servers or list_mode PREFER would change that",
    ]);
    expect(pool.explain({ list: ids('c'), mode: 'PREFER' }).verdicts.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    expect(lines(pool.explain({ first: serverId('c') }))[0]).toBe(
      'c 3 yes CHOSEN: 0 of 50 slots used, 50 free; WAS_THERE 3',
    );
  });

  it('tells of what lasts before what passes, and of what would still stand if the rest were gone', () => {
    const all = { liveness: 'MISSING', intent: 'CORDONED', connected: false, maxSlots: 1, usedSlots: 1 } as const;
    const reasonOf = (view: Partial<ServerView>, wish: Wish = {}) =>
      poolOf({ a: view })
        .explain(wish)
        .verdicts.map(({ reason }) => reason);
    expect(reasonOf(all, { requirements: required('gpu') })).toEqual(['REQUIREMENT']);
    expect(reasonOf(all, { slots: 2 })).toEqual(['TOO_SMALL']);
    expect(reasonOf(all)).toEqual(['MISSING']);
    expect(reasonOf({ ...all, liveness: 'ALIVE' })).toEqual(['CORDONED']);
    expect(reasonOf({ ...all, liveness: 'ALIVE', intent: 'ACTIVE' })).toEqual(['DISCONNECTED']);
    const busy = { maxSlots: 1, usedSlots: 1 };
    expect(reasonOf(busy, { claimed: ids('a'), exclude: ids('a'), skip: ids('a') })).toEqual(['CLAIMED']);
    expect(reasonOf(busy, { exclude: ids('a'), skip: ids('a') })).toEqual(['FULL']);
    expect(reasonOf({}, { exclude: ids('a'), skip: ids('a') })).toEqual(['PAUSED']);
  });

  it('chooses none while a hold stands, and says where the run would go all the same', () => {
    const explanation = withheld(poolOf({ a: { liveness: 'MISSING' }, b: {}, c: {} }).explain());
    expect(explanation.chosen).toBeUndefined();
    expect(lines(explanation).slice(1)).toEqual([
      'b 2 yes HELD: 0 of 50 slots used, 50 free; RANK 2',
      'c 3 yes AVAILABLE: 0 of 50 slots used, 50 free',
    ]);
  });

  it('takes an avoided server where no other has room: the one whose setback is longest ago', () => {
    expect(lines(poolOf({ a: {}, b: { maxSlots: 1, usedSlots: 1 } }).explain({ skip: ids('a') }))).toEqual([
      'a 1 yes CHOSEN: 0 of 50 slots used, 50 free; RANK 1',
      'b 2 no FULL: is full (1 of 1 slot used); a slot that frees or a higher limit (locum server limit b) ends that',
    ]);
    expect(lines(poolOf({ a: {}, b: {} }).explain({ skip: ids('b a') }))).toEqual([
      'a 1 no SKIPPED: is avoided; it is taken sooner where no other has room',
      'b 2 yes CHOSEN: 0 of 50 slots used, 50 free; RANK 2',
    ]);
  });

  it('takes a server behind a closed gate where no other is eligible, one start at a time', () => {
    const reasons = (pool: Pool) => pool.explain().verdicts.map(({ reason }) => reason);
    expect(reasons(poolOf({ a: { gate: probation }, b: { usedSlots: 50 } }))).toEqual(['PROBATION', 'FULL']);
    expect(reasons(poolOf({ a: { gate: probation }, b: { liveness: 'MISSING' } }))).toEqual(['CHOSEN', 'MISSING']);
    const quarantined = { ...probation, kind: 'QUARANTINED' } as const;
    expect(lines(poolOf({ a: { gate: quarantined, isBusy: true } }).explain())).toEqual([
      'a 1 no QUARANTINED: is QUARANTINED (it can start nothing); it is tried with one start at a time, and one is under way',
    ]);
  });

  it('names what a server does not meet, and counts on where that is long', () => {
    const pool = poolOf({ a: { capabilities: [capability('dotnet', '2.1')] } });
    expect(pool.nowhere({ requirements: required('dotnet >= 3.0', 'dotnet >= 4', '!dotnet', 'gpu', 'java') })).toBe(
      'UNSATISFIABLE: no registered server could ever take it: a does not meet dotnet >= 3.0 and dotnet >= 4 and !dotnet and 2 more (has dotnet = 2.1)',
    );
  });

  it('agrees with the placement on the chosen server, whatever the pool and the query', () => {
    const property = fc.property(poolSteps, (steps) => {
      for (const { query, answer, explanation, named, never, nowhere } of play(steps)) {
        const { chosen, verdicts } = explanation;
        expect(chosen).toBe(answer);
        expect(new Set(verdicts.map(({ server }) => server))).toEqual(named);
        expect(verdicts.length).toBe(named.size);
        const eligible = verdicts.filter((verdict) => verdict.eligible);
        expect(eligible.filter(({ reason }) => reason === 'CHOSEN').map(({ server }) => server)).toEqual(
          answer === undefined ? [] : [answer],
        );
        // Nobody in front of the chosen one could take it, unless all that could are avoided.
        const isAvoided = answer !== undefined && query.skip.includes(answer);
        expect(isAvoided ? answer : eligible[0]?.server).toBe(answer);
        expect(never === undefined || answer === undefined).toBe(true);
        const reason = never === undefined ? 'NO_ROOM' : 'UNSATISFIABLE';
        expect(answer === undefined ? nowhere.reason : reason).toBe(reason);
      }
    });
    fc.assert(property, propertyRuns());
  });
});

describe('why a run goes nowhere', () => {
  const linux = [capability('os', 'linux')];
  const windows = [capability('os', 'windows'), capability('gpu', '')];

  it('names the first three servers of each of three sentences, and of the others how many there are of which kind', () => {
    const full = { maxSlots: 1, usedSlots: 1 };
    const pool = poolOf({ a: full, b: { liveness: 'MISSING' }, c: full, d: full, e: full, f: { intent: 'CORDONED' } });
    expect(pool.nowhere()).toBe(
      'NO_ROOM: no server can take it now: each of a, c, d and 1 more is full (1 of 1 slot used), b is MISSING, f is CORDONED',
    );
    const [more, most] = [
      { maxSlots: 2, usedSlots: 2 },
      { maxSlots: 3, usedSlots: 3 },
    ];
    const many = poolOf({
      a: full,
      b: more,
      c: { liveness: 'MISSING' },
      d: most,
      e: more,
      f: { deleting: true },
      g: most,
    });
    expect(many.nowhere({ list: ids('a b c d e g') })).toBe(
      'NO_ROOM: no server can take it now: a is full (1 of 1 slot used), each of b, e is full (2 of 2 slots used), c is MISSING and 2 more (2 FULL)',
    );
  });

  it('leaves out who could never take it, as long as another one can', () => {
    const pool = poolOf({ a: { capabilities: windows }, b: { capabilities: linux, liveness: 'MISSING' } });
    expect(pool.nowhere({ requirements: required('os = linux') })).toBe(
      'NO_ROOM: no server can take it now: b is MISSING',
    );
  });

  it('does not speak of the server that the run moves away from', () => {
    const move = { exclude: ids('a') };
    const from = { from: serverId('a') };
    expect(poolOf({ a: {}, b: { usedSlots: 50 } }).nowhere(move, from)).toBe(
      'NO_ROOM: no other server can take it now: b is full (50 of 50 slots used)',
    );
    expect(poolOf({ a: {} }).nowhere(move, from)).toBe(
      'UNSATISFIABLE: no other server could ever take it: it may use this one only',
    );
  });

  it('says so where it looks at the front of a list only, and then never that it is for ever', () => {
    const pool = poolOf({ a: {}, b: { maxSlots: 1 }, c: { maxSlots: 2 }, d: { usedSlots: 50 }, e: {} });
    const move = { exclude: ids('a'), slots: 3 };
    const from = { from: serverId('a') };
    const front = 'b has a limit of 1 slot (the run takes 3)';
    const none = 'NO_ROOM: no other server can take it now: ';
    expect(pool.nowhere(move, from, 1)).toBe(`${none}${front}; and so on down the list`);
    expect(pool.nowhere(move, from, 3)).toBe(`${none}d is full (50 of 50 slots used); and so on down the list`);
    const all = poolOf({ a: {}, b: { maxSlots: 1 } });
    expect(all.nowhere(move, from, 1)).toBe(`UNSATISFIABLE: no other server could ever take it: ${front}`);
  });

  it('says of no server that it could never take a run which it could take by now', () => {
    const pool = poolOf({ a: { maxSlots: 1 }, b: {} });
    expect(pool.nowhere({ slots: 2 })).toBe('NO_ROOM: no server can take it now: b has room only since a moment ago');
  });

  it('does not wait for the Hello of a listed server that is in another pool', () => {
    const pool = poolOf({ a: {} });
    pool.set(serverId('b'), viewOf({}));
    expect(lines(pool.explain({ list: ids('b x a') }))).toEqual([
      'b 1 no NOT_REGISTERED: is not registered in the pool; it is in another pool, and a policy goes to servers of its own pool only',
      'x 2 no NOT_REGISTERED: is not registered in the pool; an agent of that name has to say Hello',
      'a 3 yes CHOSEN: 0 of 50 slots used, 50 free; RANK 3',
    ]);
  });

  it('is for ever only where no server could take it, whoever is there, free, avoided or kept now', () => {
    const pool = poolOf({ a: { liveness: 'MISSING', usedSlots: 50 }, b: { intent: 'CORDONED' } });
    expect(pool.never({ slots: 50, skip: ids('a'), exclude: ids('b'), claimed: ids('a') })).toBeUndefined();
    const few = poolOf({
      a: { capabilities: linux, maxSlots: 80 },
      b: { capabilities: windows },
      c: { deleting: true },
    });
    const none = 'no registered server could ever take it: ';
    expect(poolOf({}).never()).toBe(`${none}the pool has none`);
    expect(poolOf({ a: { deleting: true } }).never()).toBe(`${none}a is being deleted`);
    expect(few.never({ list: ids('x c') })).toBe(`${none}x is not registered in the pool, c is being deleted`);
    expect(few.never({ list: ids('a'), requirements: required('gpu') })).toBe(
      `${none}a does not meet gpu (has no gpu)`,
    );
    expect(few.never({ slots: 81, list: ids('b a') })).toBe(
      `${none}b has a limit of 50 slots (the run takes 81), a has a limit of 80 slots (the run takes 81)`,
    );
    expect(few.never({ slots: 80 })).toBeUndefined();
    expect(few.never({ slots: 80, list: ids('b'), mode: 'PREFER' })).toBeUndefined();
  });
});
