import { describe, expect, it } from 'vitest';
import { cut, isPrintable, printable, printableLines } from '../../shared/printable.ts';

describe('text for a terminal', () => {
  it('is shown as it is, when nothing in it moves the cursor', () => {
    const text = 'Ünïcödé 日本語 🙂 עברית "quoted" \\n';
    expect(printable(text)).toBe(text);
    expect(isPrintable(text)).toBe(true);
  });

  it('has its control sequences escaped: colours, the clipboard, C1, lines, directions', () => {
    expect(printable('\u001b]52;c;eA==\u0007')).toBe('\\e]52;c;eA==\\x07');
    expect(printable('a\nb\r\t\u0000')).toBe('a\\nb\\r\\t\\x00');
    expect(printable('\u009b2J\u202eexe\u2028')).toBe('\\x9b2J\\u202eexe\\u2028');
  });

  it('can keep its lines', () => {
    expect(printableLines('a\n\tb\u001b[2J')).toBe('a\n\tb\\e[2J');
  });

  it('has nothing left that it would escape, once it is escaped', () => {
    const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).join('');
    expect(isPrintable(printable(all))).toBe(true);
  });

  it('is cut at a length, and not through a character', () => {
    expect(cut('abcdef', 6)).toBe('abcdef');
    expect(cut('abcdefg', 6)).toBe('abcde…');
    expect(cut('abcd🙂efg', 6)).toBe('abcd…');
  });
});
