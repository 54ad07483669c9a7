import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsPattern } from '../../../../controller/core/records/join-token.ts';

describe('a pattern of names', () => {
  it.each([
    ['web-1', 'web-*', true],
    ['web-', 'web-*', true],
    ['web', 'web-*', false],
    ['db-web-1', 'web-*', false],
    ['a-x-b', 'a-*-b', true],
    // The end must not be taken from what the begin has.
    ['aba', 'ab*ba', false],
    ['web-1', '*', true],
    ['web-1', 'web-1', true],
    ['web-10', 'web-1', false],
  ])('%s, by %s: %s', (name, pattern, fits) => {
    expect(fitsPattern(name, pattern)).toBe(fits);
  });

  it('means what the expression with .* for each star means', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 });
    fc.assert(
      fc.property(word, pattern, (name, text) => {
        expect(fitsPattern(name, text)).toBe(new RegExp(`^${text.replaceAll('*', '.*')}$`).test(name));
      }),
      { numRuns: 2_000 },
    );
  });
});
