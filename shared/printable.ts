/**
 * Text that came from outside, made harmless for a terminal or a line of a log: what would move the cursor, set the clipboard (OSC 52),
 * reverse the order of letters or begin a line of its own is shown as an escape. Pure.
 */

/** Controls of both blocks and DEL, line and paragraph separators, and what changes the direction of writing (Unicode's Bidi_Control). */
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;
const KEEPS_LINES = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;

const NAMED: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\u001b', '\\e'],
]);

function escaped(character: string): string {
  const named = NAMED.get(character);
  if (named !== undefined) return named;
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}

/** One line: every harmful character is escaped, the end of a line too. */
export function printable(text: string): string {
  return text.replaceAll(HARMFUL, escaped);
}

/** Several lines: the same, but ends of lines and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll(KEEPS_LINES, escaped);
}

const COLOUR_OR_HARMFUL = new RegExp(`\\u001b\\[[0-9;:]*m|${KEEPS_LINES.source}`, 'gu');

/** Several lines that may be coloured: besides the ends of lines and tabs, the sequences stay that only choose colours and fonts. */
export function printableColours(text: string): string {
  return text.replaceAll(COLOUR_OR_HARMFUL, (found) =>
    found.length > 1 && found.endsWith('m') ? found : escaped(found),
  );
}

/** Our own colours (cli/output/style.ts): none of them hides what is written. */
const STYLE_OR_HARMFUL = new RegExp(`\\u001b\\[(?:1|22|3[123]|39|90)m|${KEEPS_LINES.source}`, 'gu');

/** Several lines of ours, with quotations in them: besides the ends of lines and tabs, only our own colours stay. */
export function printableStyles(text: string): string {
  return text.replaceAll(STYLE_OR_HARMFUL, (found) =>
    found.length > 1 && found.endsWith('m') ? found : escaped(found),
  );
}

/** The same text of JSON, without characters that a terminal acts on: JSON itself escapes only those below the space. */
export function printableJson(json: string): string {
  const harmful = (character: string): string => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  return json.replaceAll(KEEPS_LINES, harmful);
}

/** Whether a text has something in it that `printable` escapes. */
export function isPrintable(text: string): boolean {
  return text.search(HARMFUL) < 0;
}

/** What is wrong with a text that people read in a line; undefined: nothing. */
export function unprintableProblem(text: string): string | undefined {
  return isPrintable(text) ? undefined : `must have no control characters, and is "${printable(cut(text, 64))}"`;
}

/** The first `limit` characters, with … in the place of what is left out. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // A pair of surrogates is not cut through.
  const end = limit - 1;
  return `${text.slice(0, /[\ud800-\udbff]/.test(text.charAt(end - 1)) ? end - 1 : end)}…`;
}
