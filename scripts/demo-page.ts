/** The output of the demo as pages show it. */

/** What stands in blocks of text. */
export const textBlocks = (page: string): readonly string[] =>
  [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

/** Without figures, and without how columns are filled. */
const essence = (line: string): string =>
  line
    .replaceAll(/\d+(?:\.\d+)?/g, 'N')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** Lines of a page that are not in an output, apart from their figures. */
export function unprintedLines(shown: string, printed: string): readonly string[] {
  const known = new Set(printed.split('\n').map(essence));
  return shown.split('\n').filter((line) => !known.has(essence(line)));
}
