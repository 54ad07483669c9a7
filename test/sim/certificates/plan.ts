/**
 * Which worlds have certificates, for how long those last, and what goes wrong with them. Chosen by a generator of its own, so that all other
 * seeds stay as they are.
 */
import { Prng } from '../../../shared/prng.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';

export const CERTIFICATE_FAULTS = ['no-signer', 'answers-lost', 'away', 'stranger', 'revoke', 'rotate'] as const;
export type CertificateFault = (typeof CERTIFICATE_FAULTS)[number];

export interface CertificatePlan {
  /** Of a server's. */
  readonly lifeMs: number;
  /** Mean time between two faults of a kind; kinds that are left out are absent. */
  readonly faults: ReadonlyMap<CertificateFault, number>;
}

/** This share of the worlds has them. Where the clocks of controllers are hours apart nobody gets in, and nothing is to be seen. */
const SHARE = 0.3;
/** So that a world sees several. */
const LIVES_MS = [2 * MINUTE, 4 * MINUTE];

export function certificatePlanOf(seed: number, wallErrorMs: number): CertificatePlan | undefined {
  const random = new Prng(seed + 7_000_003);
  if (!random.chance(SHARE) || wallErrorMs > SECOND) return undefined;
  const lifeMs = random.pick(LIVES_MS) ?? MINUTE;
  // Drawn last: what comes to the list leaves the rest as it is.
  const faults = new Map<CertificateFault, number>();
  for (const kind of CERTIFICATE_FAULTS) {
    const everyMs = (random.pick([40, 80, 160]) ?? 80) * SECOND;
    if (random.chance(0.4)) faults.set(kind, everyMs);
  }
  return { lifeMs, faults };
}
