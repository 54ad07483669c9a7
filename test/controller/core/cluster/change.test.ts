import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AttemptPatch,
  change,
  changeAttempt,
  create,
  type Patch,
  remove,
  SILENT,
} from '../../../../controller/core/cluster/change.ts';
import { type Changing, DEPENDANTS, NEWCOMERS } from '../../../../controller/core/cluster/dependants.ts';
import type { Turn } from '../../../../controller/core/cluster/turn.ts';
import { etagOf, orderEtagOf } from '../../../../controller/core/records/etag.ts';
import { impliedRequirements } from '../../../../controller/core/records/implied-requirements.ts';
import { recordKey } from '../../../../controller/core/records/keys.ts';
import { isEnded } from '../../../../controller/core/records/run-state.ts';
import type { Attempt, Run } from '../../../../controller/core/records/state.ts';
import { deepEqual } from '../../../../shared/deep-equal.ts';
import { poolId, serverId } from '../../../../shared/ids.ts';
import { attempts } from '../../codec/arbitrary-attempts.ts';
import { policies, pools, runs, servers } from '../../codec/arbitrary-records.ts';
import { propertyRuns } from '../property.ts';
import { anAttempt, aPolicy, aPool, aRun, aServer, newTurn } from '../world/records.ts';

const [A, B, C] = [serverId('a'), serverId('b'), serverId('c')];
const held = (kind: 'STOPPING' | 'STUCK') => ({ kind, pid: 1, startWall: 0 });
const END = { cause: 'EXITED', exitCode: 0, signal: '', proof: 'REPORT', detail: '' } as const;
const ended = { kind: 'ENDED', end: END, startWall: 0, endWall: 1 } as const;
const RUNNING = { kind: 'RUNNING', reason: 'START', message: 'm', etaWall: undefined } as const;
const FAILED = { kind: 'FAILED', reason: 'BUDGET_SPENT', message: 'm', endWall: 1, endAge: 1 } as const;
const NEWS = { type: 'RUN_RELEASED', cause: 'OPERATOR', message: 'm' } as const;

/** Two pools; servers a, b, c; a run that stands on a and moves to b, and one that waits. */
function world() {
  const turn = newTurn();
  turn.now = { mono: 1_000, wall: 5_000 };
  turn.journal.now = turn.now;
  const [pool, other] = [aPool({ order: [A, B, C] }), aPool({ id: poolId('other') })];
  const [a, b, c] = [aServer('a'), aServer('b'), aServer('c')];
  const policy = aPolicy('web');
  const attempt = anAttempt('a', 1);
  const reservation = { server: B, from: A, cause: 'MOVE', sinceAge: 0 } as const;
  const run = aRun(policy, 1, { state: RUNNING, attempts: [attempt], reservation });
  const waiting = aRun(policy, 2);
  for (const record of [pool, other, a, b, c, policy, run, waiting]) create(turn, record, SILENT);
  calm(turn);
  return { turn, pool, server: a, policy, run, attempt, waiting };
}

function calm(turn: Turn): void {
  turn.journal.takeWrites();
  turn.journal.takeChanged();
  for (const kind of ['runs', 'servers', 'policies', 'pools', 'silences'] as const) turn.takeMarked(kind);
  turn.blockedWereTold();
}

/** What a step looks at again, one word for each thing. */
const marksOf = (turn: Turn): readonly string[] =>
  [
    ...[...turn.marked.runs].map((id) => `runs/${id}`),
    ...[...turn.marked.servers].map((id) => `servers/${id}`),
    ...[...turn.marked.policies].map((id) => `policies/${id}`),
    ...[...turn.marked.pools].map((id) => `pools/${id}`),
    ...[...turn.marked.silences].map((id) => `silence of ${id}`),
    ...(turn.recheckBlocked ? ['blocked'] : []),
  ].sort();

/** What the words of the table mean, read by a scan of all records. `touched`: servers of a run before and after its change. */
function meaning(
  { state }: Turn,
  record: Changing,
  words: readonly string[],
  touched: readonly string[],
): readonly string[] {
  const runsOn = (ids: readonly string[]): readonly string[] =>
    [...state.runs.values()]
      .filter((run) => serversBy(run).some((id) => ids.includes(id)))
      .map(({ id }) => `runs/${id}`);
  const inOrder = record.kind === 'pool' ? record.order : [];
  const told = words.flatMap((word): readonly string[] => {
    if (word === 'itself') return [recordKey(record)];
    if (word === 'blocked runs') return ['blocked'];
    if (word === 'every pool') return [...state.pools.keys()].map((id) => `pools/${id}`);
    if (word === 'their silence') return inOrder.map((id) => `silence of ${id}`);
    if (word === 'its policy, once it has ended')
      return record.kind === 'run' && isEnded(record) ? [`policies/${record.policy}`] : [];
    if (word === 'its pool') return [`pools/${poolOfRecord(record)}`];
    if (word === 'its servers') return (record.kind === 'pool' ? inOrder : touched).map((id) => `servers/${id}`);
    if (word !== 'its runs') return [];
    if (record.kind === 'policy')
      return [...state.runs.values()].filter((run) => run.policy === record.id).map(({ id }) => `runs/${id}`);
    return runsOn(record.kind === 'pool' ? inOrder : [record.id]);
  });
  return [...new Set(told)].sort();
}

const poolOfRecord = (record: Changing): string =>
  record.kind === 'policy' ? record.spec.pool : record.kind === 'pool' ? record.id : record.pool;

const serversBy = ({ attempts: all, reservation }: Run): readonly string[] => [
  ...all.flatMap(({ state, server }) => (state.kind === 'ENDED' ? [] : [server])),
  ...(reservation === undefined ? [] : [reservation.server, reservation.from]),
];

const KINDS = ['pool', 'server', 'policy', 'run'] as const;
/** Random new values for the fields of a record of each kind; those that name others name ones that are there, or nobody. */
const values = {
  pool: pools.map((pool) => ({ ...pool, order: [C, A, B] })),
  server: servers,
  policy: policies.map(({ spec, ...policy }) => ({
    ...policy,
    spec: { ...spec, pool: poolId('default'), requirements: [] },
  })),
  run: runs,
};

const everyField = KINDS.flatMap((kind) => Object.keys(DEPENDANTS[kind]).map((field) => [kind, field] as const));

describe('a change of a record', () => {
  it.each(everyField)('of a %s has looked at again what the row of %s says, and nothing else', (kind, field) => {
    fc.assert(
      fc.property(values[kind], (other) => {
        const { turn, ...records } = world();
        const record: Changing = records[kind];
        const patch = { [field]: Reflect.get(other, field) };
        const same = deepEqual(Reflect.get(record, field), Reflect.get(other, field));
        const before = record.kind === 'run' ? serversBy(record) : [];
        const changed = change(turn, record, patch as Patch<Changing>, SILENT);
        expect(changed).toBe(!same);
        const row: { readonly looks: readonly string[] } | undefined = Reflect.get(DEPENDANTS[kind], field);
        const touched = record.kind === 'run' ? [...before, ...serversBy(record)] : [];
        const wanted = same ? [] : meaning(turn, record, row?.looks ?? [], touched);
        expect(marksOf(turn)).toEqual(wanted);
        expect(Reflect.get(record, field)).toEqual(Reflect.get(other, field));
      }),
      { numRuns: Math.min(50, propertyRuns().numRuns ?? 50) },
    );
  });

  it.each(Object.keys(DEPENDANTS.attempt))('of an attempt has looked at again what the row of %s says', (field) => {
    fc.assert(
      fc.property(attempts, servers, fc.boolean(), (other, { gate }, isWanted) => {
        const { turn, server, run, attempt } = world();
        change(turn, server, { gate }, SILENT);
        if (isWanted) change(turn, run, { wantedMove: { server: B, cause: 'MOVE', sinceAge: 0 } }, SILENT);
        calm(turn);
        const same = deepEqual(Reflect.get(attempt, field), Reflect.get(other, field));
        // A number that is told within a state decides nothing.
        const decides = !same && (field !== 'state' || attempt.state.kind !== other.state.kind);
        const patch = { [field]: Reflect.get(other, field) } as AttemptPatch;
        expect(changeAttempt(turn, run, attempt, patch, SILENT)).toBe(!same);
        const row: { readonly looks: readonly string[] } | undefined = Reflect.get(DEPENDANTS.attempt, field);
        const { probation, quarantine } = server.gate;
        const isClosed = probation !== undefined || (quarantine !== undefined && quarantine.phase !== 'OVER');
        const wanted = (row?.looks ?? []).flatMap((word) => {
          if (word === 'its run') return [`runs/${run.id}`];
          if (word === 'a wanted move') return run.wantedMove === undefined ? [] : ['pools/default'];
          const isOver = word === 'its server, once it has ended' && attempt.state.kind === 'ENDED';
          return isOver || (word === 'a closed gate' && isClosed) ? ['servers/a'] : [];
        });
        expect(marksOf(turn)).toEqual(decides ? [...new Set(wanted)].sort() : []);
      }),
      { numRuns: 50 },
    );
  });

  it('that says what is there already writes nothing, tells nobody and logs nothing', () => {
    const { turn, ...records } = world();
    for (const kind of KINDS) {
      const record: Changing = records[kind];
      const { version } = record;
      const fields = Object.keys(DEPENDANTS[kind]);
      const patch = Object.fromEntries(fields.map((field) => [field, structuredClone(Reflect.get(record, field))]));
      expect(change(turn, record, patch as Patch<Changing>, NEWS)).toBe(false);
      expect(record.version).toBe(version);
    }
    const { run, attempt } = records;
    expect(changeAttempt(turn, run, attempt, { state: attempt.state, stopReason: attempt.stopReason }, NEWS)).toBe(
      false,
    );
    expect([turn.journal.hasWrites, turn.journal.hasChanged, marksOf(turn)]).toEqual([false, false, []]);
  });

  it('gives another etag, once for each change, and says when', () => {
    const { turn, server } = world();
    const etag = etagOf(server);
    change(turn, server, { maxSlots: 3, labels: { a: 'b' } }, NEWS);
    expect(etagOf(server)).not.toBe(etag);
    expect(server).toMatchObject({ version: 2, updateWall: 5_000, maxSlots: 3 });
  });

  it('that no edit can collide with is written, and leaves the etag', () => {
    const { turn, pool, policy, run } = world();
    change(turn, pool, { stormNotBeforeAge: 77 }, SILENT);
    change(turn, policy, { lastTickWall: 77, skippedTicks: 3 }, SILENT);
    change(turn, run, { passedOverSinceAge: 77 }, SILENT);
    expect([pool.version, policy.version, run.version]).toEqual([1, 1, 1]);
    expect(turn.journal.takeWrites().map(({ key }) => key)).toEqual([
      'pools/default',
      'policies/web',
      'runs/web-1',
      'meta',
    ]);
  });

  it('of several fields is kept as the strongest of them is', () => {
    const { turn, policy } = world();
    change(turn, policy, { lastTickWall: 77, paused: !policy.paused }, SILENT);
    expect(policy.version).toBe(2);
  });

  it('of an order counts in its own etag as well', () => {
    const { turn, pool } = world();
    const etag = orderEtagOf(pool);
    change(turn, pool, { defaultMaxSlots: 7 }, SILENT);
    expect(orderEtagOf(pool)).toBe(etag);
    change(turn, pool, { order: [B, A, C] }, SILENT);
    expect(orderEtagOf(pool)).not.toBe(etag);
  });

  it('of an order is shown by the servers that have another rank, and by no other', () => {
    const { turn, pool } = world();
    change(turn, pool, { order: [B, A, C] }, SILENT);
    expect(turn.journal.takeChanged().map(({ key }) => key)).toEqual(['pools/default', 'servers/b', 'servers/a']);
  });

  it('to a state that a new leader derives by itself is shown and not written', () => {
    const { turn, run, attempt } = world();
    change(turn, run, { state: { ...RUNNING, kind: 'STOPPING', reason: 'DRAIN' } }, SILENT);
    changeAttempt(turn, run, attempt, { state: held('STOPPING') }, SILENT);
    expect([turn.journal.hasWrites, run.version]).toEqual([false, 1]);
    expect(turn.journal.takeChanged()).toEqual([{ key: 'runs/web-1', deleted: false }]);
    change(turn, run, { state: RUNNING }, SILENT);
    expect([turn.journal.hasWrites, run.version]).toEqual([true, 2]);
  });

  it('of an attempt that only tells another time of its start is shown and not written', () => {
    const { turn, run, attempt } = world();
    changeAttempt(turn, run, attempt, { state: { kind: 'RUNNING', pid: 1, startWall: 77 } }, SILENT);
    expect([turn.journal.hasWrites, run.version]).toEqual([false, 1]);
    changeAttempt(turn, run, attempt, { state: { kind: 'RUNNING', pid: 2, startWall: 77 } }, SILENT);
    expect([turn.journal.hasWrites, run.version]).toEqual([true, 2]);
  });

  it('of an attempt that is stuck, and only tells another time of its start, is shown and not written', () => {
    const { turn, run, attempt } = world();
    changeAttempt(turn, run, attempt, { state: held('STUCK') }, SILENT);
    changeAttempt(turn, run, attempt, { state: { ...held('STUCK'), startWall: 77 } }, SILENT);
    expect(run.version).toBe(2);
  });

  it('of an attempt is written when it begins and when it ends to be stuck', () => {
    const { turn, run, attempt } = world();
    changeAttempt(turn, run, attempt, { state: held('STUCK') }, SILENT);
    changeAttempt(turn, run, attempt, { state: held('STOPPING') }, SILENT);
    expect(run.version).toBe(3);
  });

  it('logs its line with what it is about, who did it and why', () => {
    const { turn, run, attempt, server } = world();
    turn.journal.actor = 'operator:ann';
    changeAttempt(turn, run, attempt, { stopReason: 'RESTART' }, NEWS);
    change(turn, server, { maxSlots: 1 }, NEWS);
    const [first, second] = [...turn.state.events].slice(-2);
    const about = { pool: 'default', policy: 'web', run: 'web-1', server: 'a', epoch: 1 };
    expect(first).toMatchObject({ ...NEWS, actor: 'operator:ann', ...about });
    expect(second).toMatchObject({ ...NEWS, actor: 'operator:ann', pool: 'default', server: 'a' });
  });

  it('of what never changes, or has no row, is refused as a defect', () => {
    const { turn, run } = world();
    const patch: object = { state: 'QUEUED', policyUid: 'another' };
    expect(() => change(turn, run, patch, SILENT)).toThrow('only fields with a row');
  });

  it('is seen by whoever holds the record', () => {
    const { turn, server } = world();
    change(turn, server, { liveness: 'MISSING' }, SILENT);
    expect(turn.state.servers.get(A)).toBe(server);
    expect(server.liveness).toBe('MISSING');
  });
});

describe('what is kept ready from records', () => {
  it('follows the attempts, the moves and the end of a run', () => {
    const { turn, run, attempt, waiting } = world();
    const { serverLive, poolLive, policyLive } = turn.state;
    const on = (id: typeof A) => [...(serverLive.get(id)?.runs ?? [])];
    const moving = () => [...(poolLive.get(run.pool)?.moving ?? [])];
    expect([on(A), on(B), moving()]).toEqual([[run.id], [], [run.id]]);
    expect([...(serverLive.get(B)?.reservations ?? [])]).toEqual([run.id]);
    changeAttempt(turn, run, attempt, { state: ended }, SILENT);
    const next: Attempt = anAttempt('b', 2);
    change(turn, run, { attempts: [...run.attempts, next], reservation: undefined }, SILENT);
    expect([on(A), on(B), moving()]).toEqual([[], [run.id], []]);
    expect([A, B].flatMap((id) => [...(serverLive.get(id)?.reservations ?? [])])).toEqual([]);
    change(turn, run, { wantedMove: { server: A, cause: 'MOVE', sinceAge: 1 } }, SILENT);
    expect([...(poolLive.get(run.pool)?.wantingMoves ?? [])]).toEqual([run.id]);
    change(turn, waiting, { state: FAILED }, SILENT);
    expect([...(policyLive.get(run.policy)?.runs ?? [])]).toEqual([run.id]);
  });

  it('follows what is drained, what may hold work of an earlier life, and what a policy requires', () => {
    const { turn, server, policy } = world();
    const draining = () => [...(turn.state.poolLive.get(server.pool)?.draining ?? [])];
    change(turn, server, { intent: 'DRAINING' }, SILENT);
    expect(draining()).toEqual([A]);
    change(turn, server, { intent: 'ACTIVE' }, SILENT);
    expect(draining()).toEqual([]);
    change(turn, server, { earlierLife: { instanceId: 'i', machineId: 'm', attempts: [], moreIn: undefined } }, SILENT);
    expect([...turn.state.unsettled]).toEqual([A]);
    change(turn, policy, { spec: { ...policy.spec, requirements: ['gpu'] } }, SILENT);
    const implied = impliedRequirements(policy.spec.workload);
    const gpu = { kind: 'HAS', name: 'gpu', text: 'gpu' };
    expect(turn.state.policyLive.get(policy.id)?.requirements).toEqual([gpu, ...implied]);
  });

  it('goes with a record that goes', () => {
    const { turn, server, policy } = world();
    change(turn, server, { intent: 'DRAINING' }, SILENT);
    remove(turn, server, NEWS);
    remove(turn, policy, NEWS);
    expect([turn.state.servers.has(A), turn.state.serverLive.has(A)]).toEqual([false, false]);
    expect(turn.state.poolLive.get(server.pool)?.draining.size).toBe(0);
    expect(turn.state.policyLive.has(policy.id)).toBe(false);
    expect(turn.journal.takeChanged()).toContainEqual({ key: 'servers/a', deleted: true });
  });
});

it('a new record is written, told of, and looked at as the table of newcomers says', () => {
  const { turn, policy } = world();
  for (const record of [aServer('d'), aRun(policy, 3), aPolicy('db'), aPool({ id: poolId('third') })]) {
    create(turn, record, NEWS);
    expect(marksOf(turn)).toEqual(meaning(turn, record, NEWCOMERS[record.kind], []));
    expect(record.version).toBe(1);
    expect(turn.journal.takeWrites().map(({ key }) => key)).toContain(recordKey(record));
    calm(turn);
  }
});
