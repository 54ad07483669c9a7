/** One set of capabilities from all sources: a later source wins over an earlier one of the same name. Pure. */
import type { Capability } from '../../shared/protocol/capability.ts';
import { isFact } from './fact.ts';

/** What a Hello can hold besides its attempts; past it the last names are left out. */
const MAX_CAPABILITIES = 256;

const rank: Readonly<Record<Capability['source'], number>> = { FINGERPRINT: 1, PROBE: 2, CONFIG: 3 };

/** A name may have several values from one source, as versions side by side. Sorted, so that the same facts are always the same set. */
export function mergeCapabilities(...sources: readonly (readonly Capability[])[]): readonly Capability[] {
  const byName = new Map<string, Capability[]>();
  for (const capability of sources.flat()) {
    // A host may call its distribution anything; a probe's lines and the configuration have been told before.
    if (!isFact(capability.name, capability.value)) continue;
    const others = byName.get(capability.name);
    const order = rank[capability.source] - rank[others?.[0]?.source ?? capability.source];
    if (others === undefined || order > 0) byName.set(capability.name, [capability]);
    else if (order === 0 && !others.some(({ value }) => value === capability.value)) others.push(capability);
  }
  const all = [...byName.values()].flat();
  return all.sort((a, b) => compareText(a.name, b.name) || compareText(a.value, b.value)).slice(0, MAX_CAPABILITIES);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function sameCapabilities(a: readonly Capability[], b: readonly Capability[]): boolean {
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}

function isSame(a: Capability, b: Capability | undefined): boolean {
  return a.name === b?.name && a.value === b.value && a.source === b.source;
}
