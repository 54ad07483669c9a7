import { describe, expect, it } from 'vitest';
import { renderFacts, Table } from '../../cli/output/table.ts';
import { TerminalOutput } from '../../cli/run/terminal-output.ts';
import { printableColours, printableJson } from '../../shared/printable.ts';

const CLIPBOARD = '\u001b]52;c;cm0gLXJmIC8=\u0007';

describe('output of a policy on a terminal', () => {
  const pieces = (...texts: string[]): string => {
    const out = new TerminalOutput();
    return texts.map((text) => out.shown(new TextEncoder().encode(text))).join('');
  };

  it('keeps its colours, lines and progress bars, and nothing that acts on the terminal', () => {
    expect(pieces('\u001b[1;31mred\u001b[0m\n10%\r20%\n')).toBe('\u001b[1;31mred\u001b[0m\n10%\r20%\n');
    expect(pieces(CLIPBOARD, '\u001b[2J', '\u009b6n')).toBe('\\e]52;c;cm0gLXJmIC8=\\x07\\e[2J\\x9b6n');
  });

  it('is the same wherever its pieces are cut, within a sequence or a character', () => {
    const text = `a\u001b[1mü🙂\u001b[0m${CLIPBOARD}\u001b[`;
    const bytes = new TextEncoder().encode(text);
    const whole = new TerminalOutput().shown(bytes);
    for (let at = 0; at <= bytes.length; at += 1) {
      const out = new TerminalOutput();
      expect(out.shown(bytes.slice(0, at)) + out.shown(bytes.slice(at))).toBe(whole);
    }
  });

  it('holds nothing back for ever', () => {
    expect(pieces(`\u001b[${'1;'.repeat(100)}`, 'x')).toContain('\\e[1;1;');
  });
});

describe('what the command prints', () => {
  it('has no control characters in cells and facts, whatever a name or a reason is', () => {
    const table = new Table<string>([{ head: 'X', cell: (row) => row }], { wide: false });
    expect(table.render([`a${CLIPBOARD}`])).toContain('a\\e]52;c;cm0gLXJmIC8=\\x07');
    expect(renderFacts([['reason', { text: `b${CLIPBOARD}`, tone: 'bad' }]])).toContain('\\e]52');
  });

  it('has its own colours and no other sequences', () => {
    expect(printableColours(`\u001b[31mbad\u001b[39m ${CLIPBOARD}`)).toBe(
      '\u001b[31mbad\u001b[39m \\e]52;c;cm0gLXJmIC8=\\x07',
    );
  });

  it('stays the same JSON', () => {
    const value = { a: `${CLIPBOARD}\u009b\u007f\u202e\u2028`, b: ['ü', '🙂'] };
    const printed = printableJson(JSON.stringify(value, undefined, 2));
    expect(JSON.parse(printed)).toEqual(value);
    expect(/[\u007f-\u009f\u202e\u2028]/.test(printed)).toBe(false);
  });
});
