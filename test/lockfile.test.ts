import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly engines?: unknown;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, LockedPackage>>;

const lockfile: { packages: Packages } = JSON.parse(
  readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'),
);

/**
 * Tools with one binary per platform list them all as optional dependencies. When the registry lacks one, npm leaves
 * the entry out of the lockfile without a word, and `npm ci` then fails on the machines of others.
 */
function missingEntries(packages: Packages): string[] {
  const present = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !present.has(name))
      .map((name) => `${path} wants ${name}`),
  );
}

/**
 * Addresses tie the lockfile to the registry of whoever wrote it last. Links of a workspace have a path there, not an
 * address.
 */
function addresses(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([path, { resolved }]) =>
    resolved !== undefined && URL.canParse(resolved) ? [`${path}: ${resolved}`] : [],
  );
}

/** A range lets two machines install two different things. */
function ranges({ dependencies = {}, devDependencies = {} }: LockedPackage): string[] {
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
    .map(([name, version]) => `${name} ${version}`);
}

describe('the lockfile installs the same everywhere', () => {
  test('every optional dependency has an entry of its own', () => {
    expect(missingEntries(lockfile.packages)).toEqual([]);
  });

  test('it names no host', () => {
    expect(addresses(lockfile.packages)).toEqual([]);
  });

  test('our own dependencies have exact versions', () => {
    expect(ranges(lockfile.packages[''] ?? {})).toEqual([]);
  });
});

describe('engines', () => {
  // bin/locum.js starts from there on and hands over to the Node that is installed beside it; more than that, and npx warns each time.
  test('ask for no newer Node than what can start the command', () => {
    const { engines, bin } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect({ engines, bin }).toEqual({ engines: { node: '>=20' }, bin: { locum: 'bin/locum.js' } });
    expect(lockfile.packages['']?.engines).toEqual(engines);
  });
});

describe('each of these checks can fail', () => {
  test('an optional dependency without an entry is named', () => {
    const tool = { optionalDependencies: { '@tool/linux': '1.0.0', '@tool/darwin': '1.0.0' } };
    expect(missingEntries({ 'node_modules/tool': tool, 'node_modules/tool/node_modules/@tool/linux': {} })).toEqual([
      'node_modules/tool wants @tool/darwin',
    ]);
  });

  test('an address is named', () => {
    expect(addresses({ a: { resolved: 'https://example.test/a.tgz' }, b: { resolved: 'packages/b' } })).toEqual([
      'a: https://example.test/a.tgz',
    ]);
  });

  test('a range is named', () => {
    expect(ranges({ dependencies: { a: '^1.0.0', b: '1.0.0' }, devDependencies: { c: 'latest' } })).toEqual([
      'a ^1.0.0',
      'c latest',
    ]);
  });
});
