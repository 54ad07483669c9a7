import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseServer } from '../../../../controller/core/placement/choose.ts';
import { explain, withheld } from '../../../../controller/core/placement/explain.ts';
import { whyNever, whyNowhere } from '../../../../controller/core/placement/placement-text.ts';
import type { ServerView } from '../../../../controller/core/placement/server-view.ts';
import { runId, serverId } from '../../../../shared/ids.ts';
import { SECOND } from '../../../../shared/time.ts';
import { propertyRuns } from '../property.ts';
import { ids, lines, Pool, poolOf } from './explained-pool.ts';
import { askFor, capability, moved, type PoolStep, poolSteps, probation, required, type Wish } from './pool-model.ts';

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
