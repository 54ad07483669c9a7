/** Answers on standard output, in the form that was asked for. Everything else goes to standard error. */
import { type DescMessage, type MessageShape, toJson, toJsonString } from '@bufbuild/protobuf';
import { printableJson, printableLines, printableStyles } from '../../shared/printable.ts';
import type { Globals } from '../globals.ts';
import { manner } from './manner.ts';
import { styled } from './style.ts';
import type { Look } from './table.ts';

/** How a message looks to people, and which names are in it. */
export interface View {
  readonly table: (look: Look) => string;
  readonly names: () => readonly string[];
}

/** Fields without a value are printed too, so that scripts find every key. */
const JSON_OPTIONS = { alwaysEmitImplicit: true } as const;

/** Names, labels and reasons come from elsewhere; nothing in them moves a cursor or sets a clipboard. */
export function printLine(text: string): void {
  process.stdout.write(`${shown(text, process.stdout)}\n`);
}

function shown(text: string, stream: NodeJS.WriteStream): string {
  const isColoured = styled('bad', '-', stream) !== '-';
  return isColoured ? printableStyles(text) : printableLines(text);
}

/** After what was only tried. `planEtag`: what it would do, for `--if-plan`. */
export function tellDryRun(dryRun: boolean, planEtag: string): void {
  if (!dryRun) return;
  tell('Nothing was changed.');
  tellPlan(planEtag);
}

/** The same where the answer says by itself that nothing was changed. */
export function tellPlan(planEtag: string): void {
  if (planEtag !== '') tell(`To do exactly this, or nothing: --if-plan ${planEtag}`);
}

/** For people only: progress, advice. Nothing with `--quiet`. */
export function tell(text: string): void {
  if (!manner.quiet) tellAnyway(text);
}

/** For people, and also with `--quiet`: something is wrong, or missing in what was printed. */
export function tellAnyway(text: string): void {
  process.stderr.write(`${shown(text, process.stderr)}\n`);
}

export function warn(text: string): void {
  tellAnyway(`warning: ${text}`);
}

export const lookOf = ({ output, columns, sort }: Pick<Globals, 'output' | 'columns' | 'sort'>): Look => ({
  wide: output === 'wide',
  columns,
  sort,
});

type Form = Pick<Globals, 'output' | 'columns' | 'sort' | 'template'>;

export async function printAnswer<Desc extends DescMessage>(
  globals: Form,
  schema: Desc,
  message: MessageShape<Desc>,
  view: View,
): Promise<void> {
  const { output, template } = globals;
  if (template !== undefined) {
    const { filled } = await import('./template.ts');
    for (const line of filled(template, schema, message)) printLine(line);
    return;
  }
  switch (output) {
    case 'json':
      return printLine(printableJson(toJsonString(schema, message, { ...JSON_OPTIONS, prettySpaces: 2 })));
    case 'yaml': {
      const { stringify } = await import('yaml');
      return printLine(stringify(toJson(schema, message, JSON_OPTIONS)).trimEnd());
    }
    case 'name': {
      const names = view.names();
      if (names.length > 0) printLine(names.join('\n'));
      return;
    }
    case 'table':
    case 'wide': {
      const text = view.table(lookOf(globals));
      if (text !== '') printLine(text);
    }
  }
}

/** One message of a stream: one line of JSON, one document of YAML, or a line for people. */
export async function printStreamed<Desc extends DescMessage>(
  globals: Form,
  schema: Desc,
  message: MessageShape<Desc>,
  view: View,
): Promise<void> {
  const { output, template } = globals;
  if (template !== undefined) return printAnswer(globals, schema, message, view);
  if (output === 'json') return printLine(printableJson(toJsonString(schema, message, JSON_OPTIONS)));
  if (output === 'yaml') printLine('---');
  return printAnswer(globals, schema, message, view);
}
