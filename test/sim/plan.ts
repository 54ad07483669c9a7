/**
 * What a seed stands for: how large its world is, how its clocks, network and store behave, what its policies are, and which faults
 * it suffers how often. Each seed takes some kinds of faults and leaves the others out, so that together they see every mixture; a
 * world in which everything happens at once mostly shows that nothing works then.
 */

import type { OnDisconnect } from '../../controller/core/state.ts';
import { DEFAULT_TIMERS, type Timers } from '../../controller/core/timers.ts';
import { Prng } from '../../shared/prng.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import type { Behaviour } from './tree.ts';

export const FAULT_KINDS = [
  'agent-crash',
  'agent-upgrade',
  'agent-pause',
  'keeper-crash',
  'keeper-pause',
  'keeper-stall',
  'host-pause',
  'host-suspend',
  'host-freeze',
  'host-reboot',
  'host-leave',
  'host-replace',
  'clone',
  'wall-step',
  'clock-rate',
  'stuck-tree',
  'refused-starts',
  'start-repeated',
  'agent-facts',
  'controller-crash',
  'controller-power',
  'controller-pause',
  'controller-interrupt',
  'controller-suspend',
  'link-cut',
  'link-cut-one-way',
  'link-swizzle',
  'link-delay',
  'stream-reset',
  'leadership-revoked',
  'store-slow',
  'store-refuses',
  'store-late-answers',
  'store-cut',
  'store-restore',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PolicyPlan {
  readonly name: string;
  readonly onDisconnect: OnDisconnect;
  readonly trigger: 'continuous' | 'on_demand';
  readonly maxConcurrentRuns: number;
  readonly stopTimeoutMs: number | undefined;
  readonly behaviour: Behaviour;
}

export interface Plan {
  readonly seed: number;
  readonly controllers: number;
  readonly servers: number;
  readonly policies: readonly PolicyPlan[];
  readonly timers: Timers;
  /** Slots of a server, where nobody says otherwise. */
  readonly defaultMaxSlots: number;
  /** How long faults and operators are at work. */
  readonly faultMs: number;
  /** Mean time between two faults of a kind; kinds that are left out are absent. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Mean time between two calls of operators. 0: none after the first ones. */
  readonly callEveryMs: number;
  /** Largest deviation of a clock's rate. */
  readonly drift: number;
  /** The worst case for the wait: the controllers' clocks are fast, and those of the hosts slow. */
  readonly adverseClocks: boolean;
  readonly networkDelayMs: number;
  readonly storeDelayMs: number;
  readonly storeTimeoutMs: number;
  readonly verifyIntervalMs: number;
  readonly keepalive: boolean;
  /** A leader whose leadership is over is told, sooner or later; else it finds out by itself. */
  readonly tellDeposed: boolean;
  /** How long a leadership outlives its silent leader. */
  readonly electionTtlMs: number;
  readonly codec: boolean;
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

/** How often a kind is taken, beside the others; 1 where nothing stands. The more a kind breaks at once, the rarer it is. */
const WEIGHT: Partial<Record<FaultKind, number>> = {
  'link-cut': 3,
  'link-cut-one-way': 3,
  'link-delay': 3,
  'agent-pause': 2,
  'agent-crash': 2,
  'keeper-pause': 2,
  'host-suspend': 2,
  'controller-crash': 2,
  'controller-pause': 2,
  'controller-interrupt': 2,
  'leadership-revoked': 2,
  'start-repeated': 2,
  'store-restore': 0.4,
  'host-freeze': 0.6,
  'host-replace': 0.5,
};

/** Kinds that make no sense for a store inside the one controller. */
const REPLICATED_ONLY: ReadonlySet<FaultKind> = new Set(['leadership-revoked', 'store-cut', 'store-late-answers']);

export function planOf(seed: number): Plan {
  const random = new Prng(seed);
  const controllers = random.chance(0.35) ? 1 : 3;
  const timers = random.pick(TIMERS) ?? DEFAULT_TIMERS;
  const policies = Array.from({ length: random.int(2, 4) }, (_, index) => policyPlan(random, index));
  return {
    seed,
    controllers,
    servers: random.int(3, 4),
    policies,
    timers,
    defaultMaxSlots: random.pick([2, 3, 4, 50]) ?? 50,
    faultMs: random.int(4, 7) * MINUTE,
    faults: faultMix(random, controllers),
    callEveryMs: (random.pick([0, 0, 5, 10, 20, 60]) ?? 0) * SECOND,
    drift: random.pick([0, 0.02, 0.11, 0.11]) ?? 0.11,
    adverseClocks: random.chance(0.3),
    networkDelayMs: random.pick([1, 5, 40, 300]) ?? 5,
    storeDelayMs: controllers === 1 ? 0.5 : (random.pick([2, 10, 100]) ?? 10),
    storeTimeoutMs: controllers === 1 ? 120_000 : (random.pick([3_000, 10_000, 60_000]) ?? 10_000),
    verifyIntervalMs: controllers === 1 ? 0 : 100,
    keepalive: random.chance(0.5),
    tellDeposed: random.chance(0.5),
    electionTtlMs: 5_000,
    codec: random.chance(0.05),
  };
}

/** Kinds that are dangerous together: each of these mixtures has found something, or removes the cover of some rule. */
const MIXTURES: readonly (readonly FaultKind[])[] = [
  ['link-cut'],
  ['link-delay'],
  ['link-delay', 'leadership-revoked'],
  ['link-delay', 'controller-crash'],
  ['store-refuses'],
  ['host-freeze'],
  ['link-delay', 'link-cut'],
  ['link-delay', 'link-cut-one-way', 'stream-reset'],
  ['agent-pause', 'refused-starts'],
  ['agent-pause', 'link-cut'],
  ['keeper-pause', 'link-cut'],
  ['agent-crash', 'link-cut', 'keeper-stall'],
  ['start-repeated', 'keeper-crash'],
  ['start-repeated', 'agent-crash', 'stream-reset'],
  ['host-suspend', 'link-cut'],
  ['host-freeze', 'link-cut'],
  ['controller-interrupt', 'leadership-revoked'],
  ['controller-interrupt', 'link-delay', 'link-cut'],
  ['controller-pause', 'link-swizzle'],
  ['leadership-revoked', 'store-late-answers', 'store-slow'],
  ['leadership-revoked', 'link-cut'],
  ['store-slow', 'link-cut'],
  ['store-refuses', 'link-cut'],
  ['store-cut', 'controller-pause'],
  ['store-restore', 'link-cut'],
  ['store-restore', 'host-reboot'],
  ['clone', 'link-cut'],
  ['host-replace', 'host-reboot', 'controller-crash'],
  ['stuck-tree', 'link-cut'],
];

/** A few kinds, as a rule: where everything breaks all the time, nothing happens that could go wrong. */
function faultMix(random: Prng, controllers: number): ReadonlyMap<FaultKind, number> {
  const possible = (kind: FaultKind): boolean => controllers > 1 || !REPLICATED_ONLY.has(kind);
  const left = new Set(FAULT_KINDS.filter(possible));
  const mix = new Map<FaultKind, number>();
  const take = (kind: FaultKind): void => {
    left.delete(kind);
    mix.set(kind, (random.pick([12, 30, 80]) ?? 30) * SECOND);
  };
  const mixed = random.chance(0.6);
  if (mixed) for (const kind of (random.pick(MIXTURES) ?? []).filter(possible)) take(kind);
  const more = random.pick(mixed ? [0, 0, 1, 2] : [1, 2, 3, 3, 4, 6, 10]) ?? 1;
  for (let wanted = more; wanted > 0; wanted -= 1) {
    const kind = pickByWeight(random, [...left]);
    if (kind !== undefined) take(kind);
  }
  return mix;
}

function pickByWeight(random: Prng, kinds: readonly FaultKind[]): FaultKind | undefined {
  const total = kinds.reduce((sum, kind) => sum + (WEIGHT[kind] ?? 1), 0);
  let at = random.float() * total;
  return kinds.find((kind) => {
    at -= WEIGHT[kind] ?? 1;
    return at < 0;
  });
}

function policyPlan(random: Prng, index: number): PolicyPlan {
  const onDisconnect = random.pick<OnDisconnect>(['STOP', 'STOP', 'STOP', 'STOP', 'HOLD', 'OVERLAP']) ?? 'STOP';
  const trigger = random.chance(0.75) ? 'continuous' : 'on_demand';
  return {
    name: `p${index + 1}`,
    onDisconnect,
    trigger,
    maxConcurrentRuns: random.pick([1, 1, 1, 2, 3]) ?? 1,
    stopTimeoutMs: random.pick([undefined, undefined, 1_000, 20_000, 30_000, 30_000]),
    behaviour: {
      deafShare: random.pick([0, 0.5, 1]) ?? 0,
      termMs: random.pick([200, 5_000, 30_000]) ?? 200,
      meanLifeMs:
        trigger === 'on_demand'
          ? 40_000
          : (random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 30_000]) ?? 0),
      failShare: random.pick([0, 0, 0.3, 0.9]) ?? 0,
    },
  };
}
