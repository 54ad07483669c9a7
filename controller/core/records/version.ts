/**
 * Compares two capability values: negative, 0 or positive as `a` is lower than, equal to or higher than `b`.
 *
 * Two versions (`3`, `v3.0.1`, `1.8.0_292`, `3.0-rc.1`) are compared part by part as numbers, a missing part is 0, and
 * a pre-release is lower than its release. Two values that are no versions are compared as text, code unit by code
 * unit. A version and another text have no order: NaN, for which every comparison but `!=` is false.
 */
export function compareValues(a: string, b: string): number {
  const versionA = parseVersion(a);
  const versionB = parseVersion(b);
  if (versionA !== undefined && versionB !== undefined) return compareVersions(versionA, versionB);
  if (versionA !== undefined || versionB !== undefined) return Number.NaN;
  return compareText(a, b);
}

interface Version {
  readonly parts: readonly bigint[];
  /** Dotted words after `-`; empty for a release. What follows `+` names a build and does not count. */
  readonly preRelease: readonly string[];
}

const VERSION = /^v?(\d+(?:[._]\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

function parseVersion(value: string): Version | undefined {
  const match = VERSION.exec(value);
  if (match === null) return undefined;
  const [, numbers = '', suffix = ''] = match;
  return { parts: numbers.split(/[._]/).map(BigInt), preRelease: suffix === '' ? [] : suffix.split('.') };
}

function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < Math.max(a.parts.length, b.parts.length); i++) {
    const order = compareNumbers(a.parts[i] ?? 0n, b.parts[i] ?? 0n);
    if (order !== 0) return order;
  }
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length;
  for (let i = 0; i < Math.min(a.preRelease.length, b.preRelease.length); i++) {
    const order = comparePreRelease(a.preRelease[i] ?? '', b.preRelease[i] ?? '');
    if (order !== 0) return order;
  }
  return a.preRelease.length - b.preRelease.length;
}

/** As semver.org, rule 11: numbers by size and below words, words as text. */
function comparePreRelease(a: string, b: string): number {
  const numberA = /^\d+$/.test(a);
  const numberB = /^\d+$/.test(b);
  if (numberA && numberB) return compareNumbers(BigInt(a), BigInt(b));
  if (numberA !== numberB) return numberA ? -1 : 1;
  return compareText(a, b);
}

function compareNumbers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
