import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  capabilityMap,
  describeCapability,
  parseRequirement,
  type Requirement,
  satisfies,
} from '../../../../controller/core/records/capability.ts';
import { compareValues } from '../../../../controller/core/records/version.ts';
import type { Capability, CapabilitySource } from '../../../../shared/protocol/capability.ts';
import { propertyRuns } from '../property.ts';

function parsed(text: string): Requirement {
  const result = parseRequirement(text);
  if (result.kind === 'error') throw new Error(result.detail);
  return result.requirement;
}

function capabilities(pairs: Readonly<Record<string, string>>) {
  return capabilityMap(Object.entries(pairs).map(([name, value]) => ({ name, value, source: 'CONFIG' })));
}

describe('reading a requirement', () => {
  it.each([
    ['gpu', 'gpu'],
    ['  ! legacy ', '!legacy'],
    ['os=linux', 'os = linux'],
    ['os == linux', 'os = linux'],
    ['dotnet>=3.0', 'dotnet >= 3.0'],
    ['a.b_c-1 != x', 'a.b_c-1 != x'],
    ['cores<=4', 'cores <= 4'],
    ['cores > 4', 'cores > 4'],
    ['cores < 4', 'cores < 4'],
    ['os in(windows,linux , windows)', 'os in (linux, windows)'],
    ['in in (in)', 'in in (in)'],
    ['name = "two words"', 'name = "two words"'],
    ['name = "plain"', 'name = plain'],
    ['name = ""', 'name = ""'],
    ['os in ("a, b", c)', 'os in ("a, b", c)'],
  ])('%j becomes %j', (text, canonical) => {
    expect(parsed(text).text).toBe(canonical);
    expect(parsed(canonical)).toEqual(parsed(text));
  });

  const name = 'a capability name (a lower case letter first)';
  it.each([
    ['', 1, name, 'the end'],
    ['  ', 3, name, 'the end'],
    ['Dotnet >= 3', 1, name, '"Dotnet >= 3"'],
    ['>= 3', 1, name, '">= 3"'],
    ['!= 3', 1, name, '"!= 3"'],
    ['dotnet 3', 8, 'one of = != >= <= > <, `in (…)` or the end', '"3"'],
    ['inside (a)', 8, 'one of = != >= <= > <, `in (…)` or the end', '"(a)"'],
    ['dotnet >=', 10, 'a value of at most 128 characters after `>=`', 'the end'],
    ['dotnet => 3', 9, 'a value of at most 128 characters after `=`', '"> 3"'],
    ['name = "open', 8, 'a value of at most 128 characters after `=`', '"\\"open"'],
    ['os = a b', 8, 'the end (a value with spaces stands in double quotes)', '"b"'],
    ['!gpu = 1', 6, 'the end after `!gpu`', '"= 1"'],
    ['os in a', 7, '`(` after `in`', '"a"'],
    ['os in ()', 8, 'a value of at most 128 characters', '")"'],
    ['os in (a,)', 10, 'a value of at most 128 characters', '")"'],
    ['os in (a b)', 10, '`,` or `)`', '"b)"'],
    ['os in (a) x', 11, 'the end', '"x"'],
    [`a${'b'.repeat(63)}`, 65, 'a name of at most 63 characters before this', 'the end'],
    [`a = ${'b'.repeat(129)}`, 5, 'a value of at most 128 characters after `=`', '"bbbbbbbbbbbb"'],
  ])('%j is refused at character %i', (text, at, expected, found) => {
    const detail = `at character ${at}: expected ${expected}, found ${found}`;
    expect(parseRequirement(text)).toEqual({ kind: 'error', detail });
  });

  it('answers any text with a requirement or a detail, and its own text with the same requirement', () => {
    const token = fc.constantFrom('a', 'os', 'in', '!', '=', '<', '>', '(', ')', ',', '"', ' ', '1.2', 'x y', 'é');
    const text = fc.oneof(
      fc.string(),
      fc.array(token).map((tokens) => tokens.join('')),
    );
    const property = fc.property(text, (any) => {
      const result = parseRequirement(any);
      const again = result.kind === 'ok' ? parseRequirement(result.requirement.text) : result;
      expect(again).toEqual(result);
      expect(result.kind === 'ok' ? 'at character 1: expected ' : result.detail).toMatch(
        /^at character \d+: expected /,
      );
    });
    fc.assert(property, propertyRuns());
  });
});

describe('meeting a requirement', () => {
  const host = capabilities({
    os: 'linux',
    dotnet: '3.1.4',
    gpu: '',
    cores: '16',
    release: '2.0-rc.1',
    label: 'unknown',
  });

  it.each([
    ...[
      'gpu',
      '!windows',
      'os = linux',
      'os != windows',
      'os in (windows, linux)',
      'dotnet >= 3.0',
      'dotnet = 3.1.4.0',
    ],
    ...[
      'dotnet < 3.10',
      'dotnet > 3.1',
      'cores >= 8',
      'cores <= 016',
      'release < 2.0',
      'release >= 2.0-beta',
      'gpu = ""',
    ],
    ...['absent != 1', 'os > darwin', 'label != 4', 'dotnet in (3.1.4, 5)'],
  ])('%s holds', (text) => {
    expect(satisfies(parsed(text), host)).toBe(true);
  });

  it.each([
    ...['windows', '!gpu', 'os = Linux', 'os != linux', 'os in (windows, macos)', 'dotnet >= 3.2', 'dotnet >= 3.1.10'],
    ...['absent = 1', 'absent >= 1', 'absent in (1)', 'cores > 100', 'release >= 2.0', 'label >= 4', 'label <= 4'],
    ...['label = 4', 'gpu >= 1', 'dotnet != 3.1.4'],
  ])('%s does not hold', (text) => {
    expect(satisfies(parsed(text), host)).toBe(false);
  });

  it('is explained by what the server has instead', () => {
    expect(['dotnet', 'gpu', 'java'].map((name) => describeCapability(name, host))).toEqual([
      'has dotnet = 3.1.4',
      'has gpu',
      'has no java',
    ]);
  });
});

describe('comparing values', () => {
  it.each([
    ['3.0', '3', 0],
    ['v1.2', '1.2.0', 0],
    ['1.2+build7', '1.2', 0],
    ['1.8.0_292', '1.8.0_31', 1],
    ['10', '9', 1],
    ['1.0-rc.1', '1.0', -1],
    ['1.0-rc.2', '1.0-rc.10', -1],
    ['1.0-alpha', '1.0-alpha.1', -1],
    ['1.0-1', '1.0-alpha', -1],
    ['1.0-beta', '1.0-alpha', 1],
    // The rows of docs/semantics.md, section 8.
    ['10.0', '9.1', 1],
    ['3.0', 'v3.0.0', 0],
    ['3.0-rc.1', '3.0', -1],
    ['3.0-rc.1', '2.9', 1],
    ['3.0-rc', '3.0-rc.1', -1],
    ['3.0+deb12u1', '3.0', 0],
    ['3.0-rc.1+build', '3.0-rc.1', 0],
    ['3.0.1p1', '2.39ubuntu1', 1],
    ['99999999999999999999', '99999999999999999998', 1],
    ['linux', 'windows', -1],
    ['', '', 0],
  ])('%j against %j is %i', (a, b, order) => {
    expect(Math.sign(compareValues(a, b))).toBe(order);
    expect(Math.sign(compareValues(b, a)) + 0).toBe(0 - order);
  });

  it('finds no order between a version and another text', () => {
    expect(compareValues('4', 'unknown')).toBeNaN();
  });

  it('orders versions totally', () => {
    const part = fc.integer({ min: 0, max: 2 });
    const pre = fc.constantFrom('', '-a', '-a.1', '-1', '-b');
    const version = fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), pre).map(([p, s]) => p.join('.') + s);
    const property = fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a))).toBe(0);
      const chain = compareValues(a, b) <= 0 && compareValues(b, c) <= 0;
      expect(chain && compareValues(a, c) > 0).toBe(false);
    });
    fc.assert(property, propertyRuns());
  });
});

describe('the capabilities of a server', () => {
  it('take configuration over probes over fingerprints, whatever the sequence', () => {
    const from = (source: CapabilitySource): Capability => ({ name: 'os', value: source.toLowerCase(), source });
    const all = [from('PROBE'), from('CONFIG'), from('FINGERPRINT')];
    expect(
      capabilityMap(all)
        .get('os')
        ?.map(({ value }) => value),
    ).toEqual(['config']);
    const found = capabilityMap(all.filter(({ source }) => source !== 'CONFIG')).get('os');
    expect(found?.map(({ value }) => value)).toEqual(['probe']);
  });

  it('are all that one source says of a name: a requirement is met by one of them, and != by none', () => {
    const value = (text: string): Capability => ({ name: 'dotnet', value: text, source: 'FINGERPRINT' });
    const host = capabilityMap(['2.1', '2.1.30', '3.1', '3.1.32', '8.0', '8.0.11', '8.0'].map(value));
    expect(host.get('dotnet')).toHaveLength(6);
    const met = [
      'dotnet',
      'dotnet = 3.1',
      'dotnet = 3.1.32',
      'dotnet >= 8',
      'dotnet < 3',
      'dotnet in (5.0, 2.1)',
      'dotnet != 5.0',
    ];
    for (const text of met) expect(`${text} ${satisfies(parsed(text), host)}`).toBe(`${text} true`);
    for (const text of ['!dotnet', 'dotnet = 5.0', 'dotnet > 9', 'dotnet != 3.1', 'dotnet in (5.0, 6.0)'])
      expect(`${text} ${satisfies(parsed(text), host)}`).toBe(`${text} false`);
    expect(describeCapability('dotnet', host)).toBe('has dotnet = 2.1, 2.1.30, 3.1, 3.1.32, 8.0, 8.0.11');
  });
});
