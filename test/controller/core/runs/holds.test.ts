import { describe, expect, it } from 'vitest';
import { create, SILENT } from '../../../../controller/core/cluster/change.ts';
import { poolLiveOf, serverLiveOf } from '../../../../controller/core/cluster/cluster.ts';
import type { RunReason } from '../../../../controller/core/records/run-reason.ts';
import type { OpenStateName, RunState } from '../../../../controller/core/records/run-state.ts';
import type { Policy, Run } from '../../../../controller/core/records/state.ts';
import { holdOf, nextStart } from '../../../../controller/core/runs/holds.ts';
import { enqueue } from '../../../../controller/core/runs/run.ts';
import { serverId } from '../../../../shared/ids.ts';
import { SECOND } from '../../../../shared/time.ts';
import { aPolicy, aPool, aRun, aServer, newTurn } from '../world/records.ts';

const NOW = { mono: 100 * SECOND, wall: 5_000 * SECOND };
const wanted = { desired: 'RUNNING', preferServer: undefined, etaWall: undefined } as const;

/** A policy of at most two runs, and the runs that it has; those with `inQueue` look for a server. */
function world(
  runs: readonly (Partial<Run> & { readonly inQueue?: boolean })[] = [],
  flags: Partial<Pick<Policy, 'paused' | 'deleting'>> = {},
) {
  const turn = newTurn();
  turn.now = NOW;
  turn.state.incarnation = 1;
  const policy = {
    ...aPolicy('p', { servers: [], onDisconnect: 'STOP', maxConcurrentRuns: 2 }),
    ...{ paused: false, deleting: false, ...flags },
  };
  const made = runs.map(({ inQueue, ...more }, n) => ({ run: aRun(policy, n + 1, { ...wanted, ...more }), inQueue }));
  for (const record of [aPool(), aServer('web-1'), policy, ...made.map(({ run }) => run)]) create(turn, record, SILENT);
  for (const { run, inQueue } of made) if (inQueue === true) enqueue(turn, run);
  const next = () => {
    const { run, hold } = nextStart(turn, policy);
    return [run?.id, hold?.reason, hold?.message];
  };
  return { turn, policy, runs: made.map(({ run }) => run), next };
}

const at = (kind: OpenStateName, reason: RunReason, message = 'm', etaWall?: number): Pick<Run, 'state'> => ({
  state: { kind, reason, message, etaWall } as RunState,
});
const running = at('RUNNING', 'START');
const fenced = at('FENCING', 'SERVER_MISSING', 'web-1 is missing');

describe('what the next start of a policy waits for', () => {
  it('is nothing where a run is in the queue, or one could be made', () => {
    expect(world([{ inQueue: true }]).next()).toEqual(['p-1', undefined, undefined]);
    expect(world().next()).toEqual([undefined, undefined, undefined]);
    expect(world([running, at('STARTING', 'START')]).next()).toEqual([undefined, undefined, undefined]);
  });

  it('is the whole cluster while its store is an older copy or was just restored, for runs that exist and for new ones', () => {
    for (const { turn, next } of [world([{ inQueue: true }]), world(), world([fenced])]) {
      turn.state.noStartBeforeMono = NOW.mono + 30 * SECOND;
      expect(next()[1]).toBe('NEW_INCARNATION');
      turn.state.storeBehind = 'web-1 has seen more';
      expect(next().slice(1)).toEqual(['STORE_BEHIND', 'web-1 has seen more']);
    }
  });

  it('says when the wait after a restore ends, and is over then', () => {
    const { turn, policy, runs } = world([{ inQueue: true }]);
    const [run] = runs;
    if (run === undefined) throw new Error('it was made');
    turn.state.noStartBeforeMono = NOW.mono + 30 * SECOND;
    expect(holdOf(turn, policy, run)?.etaWall).toBe(NOW.wall + 30 * SECOND);
    turn.now = { mono: NOW.mono + 30 * SECOND, wall: NOW.wall };
    expect(holdOf(turn, policy, run)).toBeUndefined();
  });

  it('is what the earlier life of the store has left of this policy', () => {
    const { turn, next } = world([{ inQueue: true }]);
    const server = turn.state.servers.get(serverId('web-1'));
    if (server === undefined) throw new Error('it was made');
    turn.state.incarnation = 2;
    turn.state.unsettled.add(server.id);
    const life = { instanceId: 'i', machineId: 'm', attempts: [], moreIn: 'i' };
    turn.state.servers.set(server.id, { ...server, earlierLife: life });
    expect(next().slice(1)).toEqual([
      'NEW_INCARNATION',
      'it waits until what web-1 holds of before the restore can be listed',
    ]);
  });

  it('is the server where a lapsed run was, while that is just coming back', () => {
    const { turn, next } = world([{ inQueue: true, ...at('QUEUED', 'LAPSED'), preferServer: serverId('web-1') }]);
    expect(next()[1]).toBeUndefined();
    serverLiveOf(turn.state, serverId('web-1')).session = { phase: 'OPENING' } as never;
    expect(next().slice(1)).toEqual(['LAPSED', 'it waits a moment for web-1, where it was, which is just coming back']);
  });

  it('is what the run itself waits for before it looks for a server, unless another one looks already', () => {
    for (const state of ['QUEUED', 'BACKOFF', 'FENCING', 'STUCK', 'STOPPING'] as const) {
      const pausing = at(state, 'FAILED_ONCE', 'it failed', 7);
      const alone = world([pausing]);
      expect(alone.next()).toEqual(['p-1', 'FAILED_ONCE', `p-1 is ${state}: it failed`]);
      expect(nextStart(alone.turn, alone.policy).hold?.etaWall).toBe(7);
      expect(world([pausing, { inQueue: true }]).next()).toEqual(['p-2', undefined, undefined]);
    }
  });

  it('is the pause of the policy where no run of it waits: one that does is started again all the same', () => {
    expect(world([], { paused: true }).next()[1]).toBe('POLICY_PAUSED');
    expect(world([running], { paused: true }).next()[1]).toBe('POLICY_PAUSED');
    expect(world([{ inQueue: true }], { paused: true }).next()[1]).toBeUndefined();
    expect(world([fenced], { paused: true }).next()[1]).toBe('SERVER_MISSING');
    expect(world([{ ...fenced, desired: 'STOPPED' }], { paused: true }).next()[1]).toBe('POLICY_PAUSED');
  });

  it('is a run that is wanted no more, as long as there is room for no other beside it', () => {
    const leaving = { ...fenced, desired: 'STOPPED' } as const;
    expect(world([leaving]).next()[1]).toBeUndefined();
    expect(world([running, leaving]).next()).toEqual([undefined, 'SERVER_MISSING', 'p-2 is FENCING: web-1 is missing']);
  });

  it('is for ever once the policy is deleted', () => {
    expect(world([{ ...fenced, desired: 'STOPPED' }], { paused: true, deleting: true }).next()[1]).toBe(
      'POLICY_DELETED',
    );
  });

  it('is asked of the queue as it is, not of the state that a run shows', () => {
    const { turn, runs, next } = world([at('QUEUED', 'REFUSED', 'a rest')]);
    expect(next()[1]).toBe('REFUSED');
    const [run] = runs;
    if (run === undefined) throw new Error('it was made');
    enqueue(turn, run);
    expect(poolLiveOf(turn.state, run.pool).queue.get(run.id)).toBeDefined();
    expect(next()[1]).toBeUndefined();
  });
});
