/** docs/install.md as a newcomer reads it. */
import { blocks, textOf } from '../docs/shell-blocks.ts';

export const PAGE = 'docs/install.md';

/** The blocks of commands below a heading, in order. */
export function blocksBelow(heading: string): string[] {
  const lines = textOf(PAGE).split('\n');
  const from = lines.indexOf(`## ${heading}`);
  const to = lines.findIndex((line, i) => i > from && line.startsWith('## '));
  return blocks(PAGE, 'sh')
    .filter(({ line }) => line > from && (to < 0 || line < to))
    .map(({ text }) => text);
}

/** The line with which a host joins, as a page shows it. */
export const JOIN_LINE = 'locum agent join …';

/** What proves the token of a line with which a host joins. */
export const secretOf = (line: string): string => /--token \w+\.(\w+)/.exec(line)?.[1] ?? '';
