/** Which kinds of faults there are, how often each is taken, and which are dangerous together. */
import type { OnDisconnect } from '../../controller/core/state.ts';
import type { Prng } from '../../shared/prng.ts';
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

export const isPossible = (kind: FaultKind, controllers: number): boolean =>
  controllers > 1 || !REPLICATED_ONLY.has(kind);

export function pickByWeight<T extends FaultKind>(random: Prng, kinds: readonly T[]): T | undefined {
  const total = kinds.reduce((sum, kind) => sum + (WEIGHT[kind] ?? 1), 0);
  let at = random.float() * total;
  return kinds.find((kind) => {
    at -= WEIGHT[kind] ?? 1;
    return at < 0;
  });
}

/** Faults that are dangerous together, and the world in which they are most so. */
export interface Mixture {
  readonly kinds: readonly FaultKind[];
  /** Beside the others; default 1. The rarer its accidents, the more seeds it takes to see one. */
  readonly weight?: number;
  /** How all policies behave. */
  readonly behaviour?: Partial<Behaviour>;
  readonly onDisconnect?: OnDisconnect;
  /** Streams stay open whatever the delay. */
  readonly patient?: true;
  /** Operators are at work all the time. */
  readonly busy?: true;
}

const DEAF = { deafShare: 1 };
const SHORT_LIVED = { meanLifeMs: 20_000, failShare: 0 };
const FAILING = { meanLifeMs: 20_000, failShare: 0.9 };

export const MIXTURES: readonly Mixture[] = [
  { kinds: ['link-cut'], behaviour: DEAF },
  { kinds: ['link-cut-one-way'], behaviour: DEAF },
  { kinds: ['link-delay', 'link-cut'], behaviour: DEAF, onDisconnect: 'STOP', patient: true, weight: 3 },
  { kinds: ['link-delay', 'link-cut'], behaviour: SHORT_LIVED, onDisconnect: 'STOP', patient: true, weight: 3 },
  { kinds: ['link-delay', 'stream-reset'], behaviour: SHORT_LIVED, patient: true, weight: 2 },
  { kinds: ['link-delay', 'leadership-revoked'], behaviour: SHORT_LIVED, patient: true, weight: 2 },
  { kinds: ['link-delay', 'controller-crash'], behaviour: SHORT_LIVED, patient: true },
  { kinds: ['link-delay', 'link-cut-one-way', 'stream-reset'] },
  { kinds: ['agent-pause', 'refused-starts'], busy: true },
  { kinds: ['agent-pause', 'link-cut'], behaviour: SHORT_LIVED },
  { kinds: ['keeper-pause', 'link-cut'], behaviour: DEAF },
  { kinds: ['agent-crash', 'link-cut', 'keeper-stall'] },
  { kinds: ['start-repeated', 'keeper-crash'], behaviour: SHORT_LIVED },
  { kinds: ['start-repeated', 'agent-crash', 'stream-reset'], behaviour: SHORT_LIVED },
  { kinds: ['host-suspend', 'link-cut'], onDisconnect: 'STOP' },
  { kinds: ['host-freeze'], behaviour: DEAF, onDisconnect: 'STOP', weight: 2 },
  { kinds: ['controller-interrupt', 'leadership-revoked'], behaviour: SHORT_LIVED },
  { kinds: ['controller-interrupt', 'link-delay', 'link-cut'] },
  { kinds: ['controller-pause', 'link-swizzle'] },
  { kinds: ['leadership-revoked', 'store-late-answers', 'store-slow'] },
  { kinds: ['leadership-revoked', 'link-cut'] },
  { kinds: ['store-slow', 'link-cut'] },
  { kinds: ['store-refuses'], onDisconnect: 'STOP', busy: true, weight: 2 },
  { kinds: ['store-refuses', 'link-cut'] },
  { kinds: ['store-cut', 'controller-pause'] },
  { kinds: ['store-restore'], behaviour: FAILING, onDisconnect: 'HOLD', weight: 2 },
  { kinds: ['store-restore', 'link-cut'] },
  { kinds: ['store-restore', 'host-reboot'] },
  { kinds: ['clone', 'link-cut'] },
  { kinds: ['host-replace', 'host-reboot', 'controller-crash'] },
  { kinds: ['stuck-tree', 'link-cut'], busy: true },
];

export function pickMixture(random: Prng): Mixture | undefined {
  const total = MIXTURES.reduce((sum, { weight = 1 }) => sum + weight, 0);
  let at = random.float() * total;
  return MIXTURES.find(({ weight = 1 }) => {
    at -= weight;
    return at < 0;
  });
}
