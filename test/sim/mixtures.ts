/** Which faults are dangerous together, and the worlds in which they are most so. */
import type { Prng } from '../../shared/prng.ts';
import type { OnDisconnect } from '../../shared/protocol/attempt.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Behaviour } from './tree.ts';

/** Faults that are dangerous together, and the world in which they are most so. */
export interface Mixture {
  readonly kinds: readonly FaultKind[];
  /** Beside the others; default 1. The rarer its accidents, the more seeds it takes to see one. */
  readonly weight?: number;
  /** Mean seconds between two faults of a kind. Default: 12, 20 or 40. */
  readonly every?: Partial<Record<FaultKind, number>>;
  /** How all policies behave. */
  readonly behaviour?: Partial<Behaviour>;
  readonly onDisconnect?: OnDisconnect;
  readonly stopTimeoutMs?: number;
  /** Clocks are as wrong as they may be, each to its worse side. */
  readonly adverse?: true;
  /** All policies are continuous, and no operator interferes. */
  readonly calm?: true;
  /** Streams stay open whatever the delay. */
  readonly patient?: true;
  /** Operators are at work all the time. */
  readonly busy?: true;
}

const DEAF = { deafShare: 1 };
const STUBBORN = { deafShare: 1, meanLifeMs: Number.POSITIVE_INFINITY, failShare: 0 };
/** Such a policy lives as long after its lease as one can, while the wait for it is W, not M. */
const LASTING = { behaviour: STUBBORN, onDisconnect: 'STOP', stopTimeoutMs: 30_000, adverse: true } as const;
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
  { kinds: ['stream-stall', 'stream-reset'], behaviour: SHORT_LIVED, patient: true, weight: 2 },
  { kinds: ['stream-stall', 'leadership-revoked', 'stream-reset'], behaviour: SHORT_LIVED },
  { kinds: ['agent-pause', 'refused-starts'], busy: true },
  { kinds: ['agent-pause', 'link-cut'], behaviour: SHORT_LIVED },
  { kinds: ['keeper-pause', 'link-cut'], behaviour: DEAF },
  { kinds: ['agent-crash', 'link-cut', 'keeper-stall'] },
  { kinds: ['keeper-hands', 'link-cut'], behaviour: DEAF, onDisconnect: 'STOP', weight: 2 },
  { kinds: ['both-crash', 'link-cut'], onDisconnect: 'STOP' },
  { kinds: ['disk-stalled', 'link-cut'], behaviour: DEAF },
  { kinds: ['disk-stalled', 'controller-crash'], behaviour: SHORT_LIVED },
  { kinds: ['disk-full', 'controller-crash', 'agent-crash'], behaviour: SHORT_LIVED },
  { kinds: ['disk-full', 'keeper-crash', 'disk-failing'], behaviour: SHORT_LIVED, weight: 2 },
  { kinds: ['disk-stalled', 'keeper-crash', 'agent-crash'], behaviour: SHORT_LIVED },
  {
    ...{ kinds: ['disk-full', 'keeper-crash'], every: { 'disk-full': 30, 'keeper-crash': 20 } },
    ...{ behaviour: SHORT_LIVED, onDisconnect: 'HOLD', calm: true, weight: 2 },
  },
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
  { kinds: ['link-cut'], ...LASTING, calm: true, weight: 2 },
  { kinds: ['link-fade'], every: { 'link-fade': 35 }, ...LASTING, calm: true },
  { kinds: ['host-suspend', 'link-cut'], every: { 'host-suspend': 15, 'link-cut': 40 }, ...LASTING, calm: true },
  {
    kinds: ['store-refuses', 'link-cut'],
    every: { 'store-refuses': 30, 'link-cut': 20 },
    ...LASTING,
    busy: true,
    weight: 6,
  },
  {
    kinds: ['host-freeze'],
    every: { 'host-freeze': 15 },
    behaviour: STUBBORN,
    onDisconnect: 'STOP',
    calm: true,
    weight: 3,
  },
  { kinds: ['stream-flap'], every: { 'stream-flap': 12 }, behaviour: SHORT_LIVED, onDisconnect: 'STOP' },
  {
    ...{ kinds: ['agent-interrupt', 'keeper-crash'], every: { 'agent-interrupt': 10, 'keeper-crash': 12 } },
    ...{ behaviour: SHORT_LIVED, onDisconnect: 'STOP', calm: true, patient: true, weight: 3 },
  },
  {
    ...{ kinds: ['store-restore', 'stream-flap', 'keeper-crash'], behaviour: STUBBORN, onDisconnect: 'HOLD' },
    ...{ every: { 'store-restore': 100, 'stream-flap': 8, 'keeper-crash': 20 }, calm: true, weight: 6 },
  },
];

export function pickMixture(random: Prng): Mixture | undefined {
  const total = MIXTURES.reduce((sum, { weight = 1 }) => sum + weight, 0);
  let at = random.float() * total;
  return MIXTURES.find(({ weight = 1 }) => {
    at -= weight;
    return at < 0;
  });
}
