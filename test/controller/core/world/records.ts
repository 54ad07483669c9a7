/** A turn with a few records in it, for tests of what a step does to them. */
import fc from 'fast-check';
import { Turn } from '../../../../controller/core/cluster/turn.ts';
import type { Attempt, Policy, Pool, Run, Server } from '../../../../controller/core/records/state.ts';
import { present } from '../../../../shared/assert.ts';
import { type Epoch, policyId, poolId, runId, serverId } from '../../../../shared/ids.ts';
import { attempts } from '../../codec/arbitrary-attempts.ts';
import { policies, pools, runs, servers } from '../../codec/arbitrary-records.ts';

export function newTurn(): Turn {
  const schedules = () => ({ kind: 'never' }) as const;
  return new Turn({ version: 'test', schedules, verifyIntervalMs: 0, maxCommitsInFlight: 1 });
}

const sample = <T>(arbitrary: fc.Arbitrary<T>): T =>
  present(fc.sample(arbitrary, { numRuns: 1, seed: 1 })[0], 'one was asked for');

const POOL = poolId('default');
const fresh = { version: 0, createWall: 0, updateWall: 0 };

export const aPool = (more: Partial<Pool> = {}): Pool => ({ ...sample(pools), ...fresh, id: POOL, order: [], ...more });

export const aServer = (id: string, more: Partial<Server> = {}): Server => ({
  ...{ ...sample(servers), ...fresh, id: serverId(id), pool: POOL },
  ...{ intent: 'ACTIVE', earlierLife: undefined },
  ...more,
});

export function aPolicy(id: string, more: Partial<Policy['spec']> = {}): Policy {
  const policy = sample(policies);
  return { ...policy, ...fresh, id: policyId(id), spec: { ...policy.spec, pool: POOL, requirements: [], ...more } };
}

export const anAttempt = (server: string, epoch: number, more: Partial<Attempt> = {}): Attempt => ({
  ...{ ...sample(attempts), server: serverId(server), epoch: epoch as Epoch },
  state: { kind: 'RUNNING', pid: 1, startWall: 0 },
  ...more,
});

export const aRun = (policy: Policy, number: number, more: Partial<Run> = {}): Run => ({
  ...{ ...sample(runs), ...fresh, id: runId(`${policy.id}-${number}`), policy: policy.id, pool: POOL },
  state: { kind: 'QUEUED', reason: 'NEW', message: '', etaWall: undefined },
  ...{ attempts: [], reservation: undefined, wantedMove: undefined, skips: [] },
  ...more,
});
