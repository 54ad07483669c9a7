/**
 * What an agent says of its own certificate, among its capabilities: hashes of roots as `shared/pki/roots.ts` makes them. A change of the
 * authority goes by these, and they are told and kept as every other fact of a host.
 */
import type { Capability } from './capability.ts';

/** A root that it trusts; one fact for each. */
export const TRUSTS_FACT = 'tls.trusts';
/** The root that signed its certificate. */
export const ISSUER_FACT = 'tls.issuer';

export interface CertificateWord {
  readonly trusts: readonly string[];
  /** Undefined: it says nothing, as agents do that are older than this. */
  readonly issuer: string | undefined;
}

export function certificateWord(capabilities: readonly Capability[]): CertificateWord {
  const valuesOf = (wanted: string): string[] =>
    capabilities.flatMap(({ name, value }) => (name === wanted ? [value] : []));
  return { trusts: valuesOf(TRUSTS_FACT), issuer: valuesOf(ISSUER_FACT)[0] };
}
