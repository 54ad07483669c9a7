/** One set of capabilities from all sources: a later source wins over an earlier one of the same name. Pure. */
import type { Capability } from '../../shared/protocol/capability.ts';
import { isFact } from './fact.ts';

/** What a Hello can hold besides its attempts; past it the last names are left out. */
const MAX_CAPABILITIES = 256;

const rank: Readonly<Record<Capability['source'], number>> = { FINGERPRINT: 1, PROBE: 2, CONFIG: 3 };

/** Sorted by name, so that the same facts are always the same set. */
export function mergeCapabilities(...sources: readonly (readonly Capability[])[]): readonly Capability[] {
  const byName = new Map<string, Capability>();
  for (const capability of sources.flat()) {
    // A host may call its distribution anything; a probe's lines and the configuration have been told before.
    if (!isFact(capability.name, capability.value)) continue;
    const other = byName.get(capability.name);
    if (other === undefined || rank[capability.source] >= rank[other.source]) byName.set(capability.name, capability);
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_CAPABILITIES);
}

export function sameCapabilities(a: readonly Capability[], b: readonly Capability[]): boolean {
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}

function isSame(a: Capability, b: Capability | undefined): boolean {
  return a.name === b?.name && a.value === b.value && a.source === b.source;
}
