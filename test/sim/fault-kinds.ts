/** Which kinds of faults there are, and how often each is taken. */
import type { Prng } from '../../shared/prng.ts';

export const FAULT_KINDS = [
  'agent-crash',
  'agent-upgrade',
  'agent-pause',
  'agent-interrupt',
  'keeper-crash',
  'keeper-pause',
  'keeper-stall',
  'keeper-hands',
  'both-crash',
  'disk-slow',
  'disk-stalled',
  'disk-full',
  'disk-read-only',
  'disk-failing',
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
  'controller-wall-step',
  'link-cut',
  'link-cut-one-way',
  'link-swizzle',
  'link-delay',
  'link-fade',
  'stream-reset',
  'stream-flap',
  'stream-stall',
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
