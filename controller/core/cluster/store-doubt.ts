/** Whether the store knows all that happened, by what agents say (semantics C9). */
import type { Now } from '../../../shared/time.ts';
import type { PolicySpec } from '../records/state.ts';

/** What a Hello claims, until our own term is checked after it. */
export interface BehindClaim {
  readonly needCheck: number;
  readonly message: string;
  /** By a server that the store knows, from the place that it knows, or with a certificate. */
  readonly isEstablished: boolean;
}

/** Nothing starts while it stands. */
export interface StoreDoubt {
  readonly message: string;
  /** When it ends by itself. Undefined: an operator has to look. */
  readonly untilMono: number | undefined;
}

interface Doubted {
  readonly storeBehind: string | undefined;
  readonly storeDoubt: (StoreDoubt & { readonly untilMono: number }) | undefined;
}

/**
 * Why the store may not know what runs of a policy; undefined: nothing says so, or no longer. A `HOLD` attempt of a lost history goes on
 * when its lease ends, so time proves nothing about it.
 */
export function doubtOf(
  { storeBehind, storeDoubt }: Doubted,
  { mono }: Now,
  policy: Pick<PolicySpec, 'onDisconnect'> | undefined,
): StoreDoubt | undefined {
  if (storeBehind !== undefined) return { message: storeBehind, untilMono: undefined };
  if (storeDoubt !== undefined && policy?.onDisconnect === 'HOLD') return { ...storeDoubt, untilMono: undefined };
  return storeDoubt !== undefined && mono < storeDoubt.untilMono ? storeDoubt : undefined;
}
