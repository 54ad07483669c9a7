import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from '../../shared/byte-size.ts';

describe('an amount of memory', () => {
  it.each([
    ['65536', 65_536],
    ['512Mi', 512 * 1024 ** 2],
    ['2Gi', 2 * 1024 ** 3],
    ['64Ti', 64 * 1024 ** 4],
    ['0', 0],
  ])('is read: %s', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', '512M', '512 Mi', '1.5Gi', '-1', '512mi', '9007199254740993', '99999999Ti'])('is none: %j', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it('is written in its largest unit and reads back as the same', () => {
    expect(formatByteSize(1536 * 1024)).toBe('1536Ki');
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseByteSize(formatByteSize(bytes)) === bytes));
  });
});
