/**
 * What a seed stands for: how large its world is, how its clocks, network and store behave, what its policies are, and which faults
 * it suffers how often. Each seed takes some kinds of faults and leaves the others out, so that together they see every mixture; a
 * world in which everything happens at once mostly shows that nothing works then.
 */

import type { Trigger } from '../../controller/core/records/state.ts';
import { DEFAULT_POOL, type PoolId } from '../../shared/ids.ts';
import { Prng } from '../../shared/prng.ts';
import type { OnDisconnect } from '../../shared/protocol/attempt.ts';
import { DEFAULT_TIMERS, type Timers } from '../../shared/protocol/timers.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { type CertificatePlan, certificatePlanOf } from './certificates/plan.ts';
import { FAULT_KINDS, type FaultKind, isPossible, pickByWeight } from './fault-kinds.ts';
import { type Mixture, pickMixture } from './mixtures.ts';
import { shapeOf } from './shape.ts';
import { SICKNESSES, type SicknessKind } from './sickness.ts';
import type { Behaviour } from './tree.ts';

export interface PolicyPlan {
  readonly name: string;
  readonly pool: PoolId;
  readonly onDisconnect: OnDisconnect;
  readonly trigger: Trigger;
  readonly maxConcurrentRuns: number;
  readonly stopTimeoutMs: number | undefined;
  readonly behaviour: Behaviour;
  /** Its runs have health checks, which some attempts fail after a while. Default: none. */
  readonly checked?: boolean;
}

export interface Plan {
  readonly seed: number;
  readonly controllers: number;
  readonly servers: number;
  /** Servers are dealt out to them in turn. */
  readonly pools: readonly PoolId[];
  readonly policies: readonly PolicyPlan[];
  readonly timers: Timers;
  /** Slots of a server, where nobody says otherwise. */
  readonly defaultMaxSlots: number;
  /** How long faults and operators are at work. */
  readonly faultMs: number;
  /** Mean time between two faults of a kind; kinds that are left out are absent. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** What ails one host from then on, until long after everything else was healed. Undefined: nothing. */
  readonly sickness: { readonly kind: SicknessKind; readonly fromMs: number } | undefined;
  /** Mean time between two calls of operators. 0: none after the first ones. */
  readonly callEveryMs: number;
  /** How wrong a controller's wall clock may be. */
  readonly wallErrorMs: number;
  /** Largest deviation of a clock's rate. */
  readonly drift: number;
  /** The worst case for the wait: the controllers' clocks are fast, and those of the hosts slow. */
  readonly adverseClocks: boolean;
  readonly networkDelayMs: number;
  readonly storeDelayMs: number;
  readonly storeTimeoutMs: number;
  /** Writes that the store takes at once. */
  readonly storeWrites: number;
  readonly verifyIntervalMs: number;
  readonly keepalive: boolean;
  /** A leader whose leadership is over is told, sooner or later; else it finds out by itself. */
  readonly tellDeposed: boolean;
  /** How long a leadership outlives its silent leader. */
  readonly electionTtlMs: number;
  readonly codec: boolean;
  /** Undefined: nobody asks who comes. */
  readonly certificates?: CertificatePlan | undefined;
}

const TIMERS: readonly Timers[] = [
  DEFAULT_TIMERS,
  DEFAULT_TIMERS,
  {
    heartbeatMs: 3_000,
    suspectAfterMs: 10_000,
    leaseMs: 15_000,
    stopTimeoutMs: 5_000,
    killGuardMs: 5_000,
    missingAfterMs: 32_000,
  },
  {
    heartbeatMs: 5_000,
    suspectAfterMs: 15_000,
    leaseMs: 20_000,
    stopTimeoutMs: 2_000,
    killGuardMs: 5_000,
    missingAfterMs: 36_000,
  },
];

/** Other timers that operators may set while everything runs; all keep the inequalities. */
export const TIMER_EDITS: readonly Partial<Timers>[] = [
  { leaseMs: 20_000, stopTimeoutMs: 10_000, missingAfterMs: 45_000 },
  { leaseMs: 30_000, stopTimeoutMs: 10_000, missingAfterMs: 60_000 },
  { leaseMs: 18_000, stopTimeoutMs: 1_000, missingAfterMs: 36_000 },
  { leaseMs: 20_000, stopTimeoutMs: 20_000, missingAfterMs: 60_000 },
];

export function planOf(seed: number): Plan {
  const random = new Prng(seed);
  const controllers = random.chance(0.35) ? 1 : 3;
  const timers = random.pick(TIMERS) ?? DEFAULT_TIMERS;
  const mixture = random.chance(0.7) ? pickMixture(random) : undefined;
  const shape = shapeOf(seed);
  const usual = random.int(2, 4);
  const policies = Array.from({ length: shape.policies ?? usual }, (_, index) => {
    const pool = shape.pools[index % shape.pools.length] ?? DEFAULT_POOL;
    const planned = policyPlan(random, { name: `p${index + 1}`, pool }, mixture);
    return { ...planned, checked: shape.checks && index % 2 === 0 };
  });
  const usualServers = random.int(3, 4);
  return {
    seed,
    controllers,
    servers: shape.servers ?? usualServers,
    pools: shape.pools,
    policies: [...policies, ...scheduledPlans(policies, shape.schedules)],
    timers,
    defaultMaxSlots: random.pick([2, 3, 4, 50]) ?? 50,
    faultMs: random.int(4, 7) * MINUTE,
    faults: faultsOf(random, controllers, mixture),
    callEveryMs: (random.pick(callsOf(mixture)) ?? 0) * SECOND,
    wallErrorMs: shape.wallErrorMs,
    drift: random.pick(mixture?.adverse === true ? [0.11] : [0, 0.02, 0.11, 0.11]) ?? 0.11,
    adverseClocks: random.chance(mixture?.adverse === true ? 1 : 0.3),
    networkDelayMs: random.pick([1, 5, 40, 300]) ?? 5,
    storeDelayMs: controllers === 1 ? 0.5 : (random.pick([2, 10, 100]) ?? 10),
    storeTimeoutMs: controllers === 1 ? 120_000 : (random.pick([3_000, 10_000, 60_000]) ?? 10_000),
    storeWrites: controllers === 1 ? Number.POSITIVE_INFINITY : shape.storeWrites,
    verifyIntervalMs: controllers === 1 ? 0 : 100,
    keepalive: random.chance(0.6) && mixture?.patient !== true,
    tellDeposed: random.chance(0.5),
    electionTtlMs: 5_000,
    codec: random.chance(0.05),
    sickness: sicknessOf(random),
    certificates: certificatePlanOf(seed, shape.wallErrorMs),
  };
}

function sicknessOf(random: Prng): Plan['sickness'] {
  const kind = random.pick(SICKNESSES);
  const fromMs = random.float() * 7 * MINUTE;
  return kind === undefined || random.chance(0.75) ? undefined : { kind, fromMs };
}

/** Seconds between two calls, one of these. */
function callsOf(mixture: Mixture | undefined): readonly number[] {
  if (mixture?.calm === true) return [0];
  return mixture?.busy === true ? [5, 10] : [0, 0, 5, 10, 20, 60];
}

/** A few kinds, as a rule: where everything breaks all the time, nothing happens that could go wrong. */
function faultsOf(random: Prng, controllers: number, mixture: Mixture | undefined): ReadonlyMap<FaultKind, number> {
  const left = new Set(FAULT_KINDS.filter((kind) => isPossible(kind, controllers)));
  const faults = new Map<FaultKind, number>();
  const take = (kind: FaultKind, everySeconds: readonly number[]): void => {
    if (left.delete(kind)) faults.set(kind, (random.pick(everySeconds) ?? 30) * SECOND);
  };
  for (const kind of mixture?.kinds ?? []) {
    const every = mixture?.every?.[kind];
    take(kind, every === undefined ? [12, 20, 40] : [every]);
  }
  const more = random.pick(mixture === undefined ? [1, 2, 3, 3, 4, 6, 10] : [0, 0, 0, 1, 2]) ?? 1;
  for (let wanted = more; wanted > 0; wanted -= 1) {
    const kind = pickByWeight(random, [...left]);
    if (kind !== undefined) take(kind, [12, 30, 80]);
  }
  return faults;
}

/** Like the others, but started by the clock: every 20 s, or three times as often as a run lasts. */
function scheduledPlans(others: readonly PolicyPlan[], count: number): readonly PolicyPlan[] {
  return others.slice(0, count).map((other, index) => {
    const missed = index % 2 === 0 ? 'SKIP' : 'ONCE';
    const overlap = (['SKIP', 'QUEUE', 'REPLACE'] as const)[index % 3] ?? 'SKIP';
    const cron = index === 0 ? '*/20 * * * * *' : '*/15 * * * * *';
    return {
      ...other,
      name: `t${index + 1}`,
      trigger: { kind: 'schedule', cron, timeZone: '', missed, overlap },
      behaviour: { ...other.behaviour, meanLifeMs: 10 * SECOND * (index + 1) },
    };
  });
}

function policyPlan(
  random: Prng,
  { name, pool }: Pick<PolicyPlan, 'name' | 'pool'>,
  mixture: Mixture | undefined,
): PolicyPlan {
  const onDisconnect =
    random.pick<OnDisconnect>(['STOP', 'STOP', 'STOP', 'STOP', 'STOP', 'STOP', 'HOLD', 'OVERLAP']) ?? 'STOP';
  const trigger = random.chance(mixture?.calm === true ? 1 : 0.75) ? 'continuous' : 'on_demand';
  const behaviour: Behaviour = {
    deafShare: random.pick([0, 0.5, 1]) ?? 0,
    termMs: random.pick([200, 5_000, 30_000]) ?? 200,
    meanLifeMs: random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 30_000]) ?? 0,
    failShare: random.pick([0, 0, 0.3, 0.9]) ?? 0,
  };
  return {
    ...{ name, pool },
    onDisconnect: mixture?.onDisconnect ?? onDisconnect,
    trigger: { kind: trigger },
    maxConcurrentRuns: random.pick([1, 1, 1, 2, 3]) ?? 1,
    stopTimeoutMs: mixture?.stopTimeoutMs ?? random.pick([undefined, undefined, 1_000, 20_000, 30_000, 30_000]),
    behaviour: { ...behaviour, ...(trigger === 'on_demand' && { meanLifeMs: 40_000 }), ...mixture?.behaviour },
  };
}
