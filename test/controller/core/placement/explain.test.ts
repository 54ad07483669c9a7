import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlacementIndex } from '../../../../controller/core/indexes/placement-index.ts';
import { explain, type ServerView, satisfiable } from '../../../../controller/core/placement/explain.ts';
import { chooseServer } from '../../../../controller/core/placement/last-resort.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { propertyRuns } from '../property.ts';
import {
  capability,
  factsOf,
  gatedFactsOf,
  moved,
  type PoolStep,
  poolSteps,
  queryOf,
  required,
  viewOf,
  type Wish,
} from './pool-model.ts';

const ids = (text: string): readonly ServerId[] => text.split(' ').map(serverId);

/** A pool in the order of its keys. */
function poolOf(views: Readonly<Record<string, Partial<ServerView>>>) {
  const order = Object.keys(views).map(serverId);
  const pool = new PlacementIndex();
  pool.setOrder(order);
  const lookup = (server: ServerId) => (views[server] === undefined ? undefined : viewOf(views[server]));
  return {
    explain: (changes: Wish = {}) => explain(queryOf(changes), pool, lookup),
    satisfiable: (changes: Wish = {}) => satisfiable(queryOf(changes), pool, lookup),
  };
}

/** One line per server. */
function lines(explanation: ReturnType<typeof explain>): readonly string[] {
  return explanation.verdicts.map(({ server, rank, eligible, reason, detail }) => {
    return `${server} ${rank} ${eligible ? 'yes' : 'no'} ${reason}: ${detail}`;
  });
}

/** Plays the steps to an index, and explains each of its answers from plain maps. */
function play(steps: readonly PoolStep[]) {
  const index = new PlacementIndex();
  const lastResort = new PlacementIndex();
  const closed = new Set<ServerId>();
  const views = new Map<ServerId, ServerView>();
  const lookup = (server: ServerId) => views.get(server);
  let order: readonly ServerId[] = [];
  return steps.flatMap((step) => {
    if (step.kind === 'SET_ORDER') {
      order = step.order;
      index.setOrder(order);
      lastResort.setOrder(order);
    } else if (step.kind === 'MOVE') {
      order = moved(order, step);
      index.setOrder(order);
      lastResort.setOrder(order);
    } else if (step.kind === 'SET_SERVER') {
      views.set(step.id, step.view);
      index.setServer(step.id, factsOf(step.view));
      if (step.view.gate.kind !== 'OPEN') {
        closed.add(step.id);
        lastResort.setServer(step.id, gatedFactsOf(step.view));
      } else if (closed.delete(step.id)) lastResort.removeServer(step.id);
    }
    if (step.kind !== 'CHOOSE') return [];
    return {
      answer: chooseServer({ index, lastResort, closed }, step.query),
      explanation: explain(step.query, index, lookup),
      possible: satisfiable(step.query, index, lookup),
      registered: order.filter((server) => views.has(server)).sort(),
    };
  });
}

describe('the explanation of a placement', () => {
  it('gives every server one reason, with the figures behind it', () => {
    const pool = poolOf({
      a: { liveness: 'MISSING' },
      b: { liveness: 'SUSPECT' },
      c: { liveness: 'LEFT' },
      d: { intent: 'CORDONED' },
      e: { intent: 'DRAINING' },
      f: { load: 'SATURATED' },
      g: { deleting: true },
      h: { maxSlots: 1, usedSlots: 1 },
      i: { capabilities: [capability('os', 'windows')] },
      j: {},
      k: {},
      l: {},
      m: { usedSlots: 12 },
      n: { maxSlots: 3, usedSlots: 1 },
    });
    const explanation = pool.explain({
      requirements: required('os != windows'),
      skip: ids('j'),
      exclude: ids('k'),
      claimed: ids('l'),
    });
    expect(explanation.chosen).toBe('m');
    expect(lines(explanation)).toEqual([
      'a 1 no MISSING: no heartbeat for longer than missing_after of its pool',
      'b 2 no SUSPECT: no heartbeat for longer than suspect_after of its pool',
      'c 3 no LEFT: its agent said goodbye',
      'd 4 no CORDONED: it is cordoned',
      'e 5 no DRAINING: it is being drained',
      'f 6 no SATURATED: CPU or memory is over its high mark',
      'g 7 no DELETING: it is being deleted',
      'h 8 no FULL: 1 of 1 slot used, 0 free, the run needs 1',
      'i 9 no REQUIREMENT: needs os != windows, has os = windows',
      'j 10 no SKIPPED: the run avoids it while another one has room: it was lost or failed there a short time ago',
      'k 11 no SKIPPED: the run is not tried there yet: it was lost or failed there a short time ago',
      'l 12 no CLAIMED: its free slots gather for a run that waited longer',
      'm 13 yes CHOSEN: 12 of 50 slots used, 38 free; first in the list that fits',
      'n 14 yes AVAILABLE: 1 of 3 slots used, 2 free',
    ]);
  });

  it("lists servers in the order in which they are tried, with their rank in the policy's own list", () => {
    const pool = poolOf({ a: {}, b: {}, c: {} });
    expect(lines(pool.explain({ list: ids('c stranger b') }))).toEqual([
      'c 1 yes CHOSEN: 0 of 50 slots used, 50 free; first in the list that fits',
      'b 3 yes AVAILABLE: 0 of 50 slots used, 50 free',
      "a 0 no NOT_LISTED: it is not in the policy's server list",
    ]);
    expect(pool.explain({ list: ids('c'), mode: 'PREFER' }).verdicts.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    expect(lines(pool.explain({ first: serverId('c') }))[0]).toBe(
      'c 3 yes CHOSEN: 0 of 50 slots used, 50 free; the run was here before, and comes back first',
    );
  });

  it('says that a skipped server is taken where no other has room', () => {
    const pool = poolOf({ a: {}, b: { maxSlots: 0 } });
    expect(lines(pool.explain({ skip: ids('a') }))).toEqual([
      'a 1 yes CHOSEN: 0 of 50 slots used, 50 free; the run avoids it (it was lost or failed there a short time ago), but no other server that may take it has room',
      'b 2 no FULL: 0 of 0 slots used, 0 free, the run needs 1',
    ]);
    expect(pool.explain({ list: ids('b') }).chosen).toBeUndefined();
    expect(lines(poolOf({ a: {}, b: {} }).explain({ skip: ids('b a') }))).toEqual([
      'a 1 yes AVAILABLE: 0 of 50 slots used, 50 free',
      'b 2 yes CHOSEN: 0 of 50 slots used, 50 free; the run avoids it (it was lost or failed there a short time ago), but it avoids all others with room for something newer',
    ]);
  });

  it('says that a server behind a closed gate is the last resort: taken where no other is eligible, one start at a time', () => {
    const gate = { kind: 'PROBATION', reason: 'it can start nothing: NO_SPACE' } as const;
    expect(lines(poolOf({ a: { gate }, b: { maxSlots: 0 } }).explain())).toEqual([
      'a 1 no PROBATION: it can start nothing: NO_SPACE',
      'b 2 no FULL: 0 of 0 slots used, 0 free, the run needs 1',
    ]);
    expect(lines(poolOf({ a: { gate }, b: { liveness: 'MISSING' } }).explain())).toEqual([
      'a 1 yes CHOSEN: 0 of 50 slots used, 50 free; it can start nothing: NO_SPACE, but no other server may take it',
      'b 2 no MISSING: no heartbeat for longer than missing_after of its pool',
    ]);
    const quarantined = { kind: 'QUARANTINED', reason: 'it went missing 3 times' } as const;
    expect(lines(poolOf({ a: { gate: quarantined, isBusy: true } }).explain())).toEqual([
      'a 1 no QUARANTINED: it went missing 3 times',
    ]);
  });

  it('names all requirements that a server does not meet', () => {
    const pool = poolOf({ a: { capabilities: [capability('dotnet', '2.1')] } });
    expect(lines(pool.explain({ requirements: required('dotnet >= 3.0', 'dotnet', 'gpu') }))).toEqual([
      'a 1 no REQUIREMENT: needs dotnet >= 3.0, has dotnet = 2.1; needs gpu, has no gpu',
    ]);
  });

  it('agrees with the placement on the chosen server, whatever the pool and the query', () => {
    const property = fc.property(poolSteps, (steps) => {
      for (const { answer, explanation, registered, possible } of play(steps)) {
        const { chosen, verdicts } = explanation;
        expect(chosen).toBe(answer);
        expect(verdicts.map(({ server }) => server).sort()).toEqual(registered);
        const eligible = verdicts.filter((verdict) => verdict.eligible);
        expect(eligible[0]?.server).toBe(answer);
        expect(eligible.map(({ reason }) => reason)).toEqual(
          eligible.map((_, i) => (i === 0 ? 'CHOSEN' : 'AVAILABLE')),
        );
        expect(answer === undefined || possible.kind === 'satisfiable').toBe(true);
      }
    });
    fc.assert(property, propertyRuns());
  });
});

describe('whether a run could ever be placed', () => {
  const never = (detail: string) => ({ kind: 'unsatisfiable', detail });
  const linux = [capability('os', 'linux')];
  const windows = [capability('os', 'windows'), capability('gpu', '')];

  it('does not depend on who is there, free, skipped or claimed now', () => {
    const pool = poolOf({ a: { liveness: 'MISSING', usedSlots: 50 }, b: { intent: 'CORDONED' } });
    const query = { slots: 50, skip: ids('a'), exclude: ids('b'), claimed: ids('a') };
    expect(pool.satisfiable(query)).toEqual({ kind: 'satisfiable' });
  });

  it('is denied with the one thing that stands in the way', () => {
    const pool = poolOf({
      a: { capabilities: linux, maxSlots: 80 },
      b: { capabilities: windows },
      c: { deleting: true },
    });
    expect(poolOf({}).satisfiable()).toEqual(never('No server is registered in the pool.'));
    expect(poolOf({ a: { deleting: true } }).satisfiable()).toEqual(never('No server is registered in the pool.'));
    expect(pool.satisfiable({ list: ids('x c') })).toEqual(
      never("None of the servers in the policy's list is registered."),
    );
    expect(pool.satisfiable({ requirements: required('java >= 17') })).toEqual(
      never('No registered server meets the requirement java >= 17.'),
    );
    expect(pool.satisfiable({ list: ids('a'), requirements: required('gpu') })).toEqual(
      never('No listed server meets the requirement gpu.'),
    );
    expect(pool.satisfiable({ requirements: required('os = linux', 'gpu') })).toEqual(
      never('No registered server meets all of os = linux and gpu.'),
    );
    expect(pool.satisfiable({ slots: 81 })).toEqual(never('It needs 81 slots and the largest limit is 80, of a.'));
    expect(pool.satisfiable({ slots: 80, requirements: required('gpu') })).toEqual(
      never('It needs 80 slots and the largest limit is 50, of b, among the servers that qualify.'),
    );
    expect(pool.satisfiable({ slots: 80 })).toEqual({ kind: 'satisfiable' });
    expect(pool.satisfiable({ slots: 80, list: ids('b'), mode: 'PREFER' })).toEqual({ kind: 'satisfiable' });
  });
});
