import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { JOIN_TOKEN_BYTES, joinTokenFrom, joinTokenText, parseJoinToken } from '../../../shared/access/join-token.ts';

describe('the text of a join token', () => {
  it('has an id and a secret of 160 bits, and is read as it was made', () => {
    const made = joinTokenFrom(randomBytes(JOIN_TOKEN_BYTES));
    expect(made.id).toHaveLength(10);
    // Of 32 letters each.
    expect(made.secret).toHaveLength(160 / 5);
    expect(parseJoinToken(joinTokenText(made))).toEqual(made);
  });

  it('uses each byte: other bytes make another token', () => {
    const texts = Array.from({ length: JOIN_TOKEN_BYTES }, (_, i) => {
      const bytes = new Uint8Array(JOIN_TOKEN_BYTES);
      bytes[i] = 1;
      return joinTokenText(joinTokenFrom(bytes));
    });
    expect(new Set(texts).size).toBe(JOIN_TOKEN_BYTES);
  });

  it.each([
    '',
    'abc.def',
    `${'a'.repeat(10)}.${'b'.repeat(31)}`,
    `${'a'.repeat(10)}.${'B'.repeat(32)}`,
    ` ${'a'.repeat(10)}.${'b'.repeat(32)}`,
  ])('is not %j', (text) => {
    expect(parseJoinToken(text)).toBeUndefined();
  });
});
