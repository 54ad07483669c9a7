/** The commands that a page of the documentation shows: what a reader would type, line by line. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Shown {
  /** Path of the page in the project. */
  readonly page: string;
  /** Of its first line on the page, from 1. */
  readonly line: number;
  /** Continuation lines joined, without a comment behind it. */
  readonly text: string;
}

/** In the order in which a newcomer reads them. */
export function pages(): readonly string[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  // The commands of install.md change machines, so machines are made for them: test/package/install-page.test.ts.
  const elsewhere = ['cli.md', 'install.md'];
  const rest = docs.filter((name) => !elsewhere.includes(name)).map((name) => `docs/${name}`);
  return [
    'README.md',
    'docs/cli.md',
    'examples/README.md',
    ...rest.sort(),
    'docs/model/README.md',
    'examples/fencing/README.md',
  ];
}

export const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Fenced blocks of one language with the line that they begin at. */
export function blocks(page: string, language: string): readonly { readonly line: number; readonly text: string }[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; lines: string[] } | undefined;
  for (const [index, line] of textOf(page).split('\n').entries()) {
    if (open === undefined && line.trim() === `\`\`\`${language}`) open = { line: index + 2, lines: [] };
    else if (open !== undefined && line.trim() === '```') {
      found.push({ line: open.line, text: open.lines.join('\n') });
      open = undefined;
    } else open?.lines.push(line);
  }
  return found;
}

export function commandsOf(page: string): readonly Shown[] {
  return blocks(page, 'sh').flatMap(({ line, text }) => {
    const shown: Shown[] = [];
    let [begun, from] = ['', line];
    for (const [index, each] of text.split('\n').entries()) {
      if (begun === '') from = line + index;
      const whole = begun + each.replace(/\s+#\s.*$/, '');
      begun = whole.endsWith('\\') ? `${whole.slice(0, -1).trimEnd()} ` : '';
      if (begun === '' && whole.trim() !== '' && !whole.trim().startsWith('#')) {
        shown.push({ page, line: from, text: whole.trim().replaceAll(/\s+/g, ' ') });
      }
    }
    return shown;
  });
}

/** The words of a simple command, as a shell splits them. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g)].map(([word, single, double]) => single ?? double ?? word);
}
