/** Aligned tables for people. */
import { parseDuration } from '../../shared/duration.ts';
import { printable } from '../../shared/printable.ts';
import { DAY } from '../../shared/time.ts';
import { CommandFailure } from '../exit-codes.ts';
import { styled, type Tone } from './style.ts';
import { terminalWidth, wrapWords } from './wrap.ts';

export interface Cell {
  readonly text: string;
  readonly tone: Tone | undefined;
}

export type CellValue = Cell | string | number | undefined;

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => CellValue;
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Where a line has no room for all before the last column, it goes below with that one. */
  readonly yields?: boolean;
  /** Changes with time alone: that is no news for who watches. */
  readonly volatile?: boolean;
}

export const cell = (text: string, tone: Tone | undefined): Cell => ({ text, tone });

const EMPTY = '-';
const GAP = '  ';
/** With less room than this beside the other columns, the last one goes below them, where it has the whole line. */
const NARROW = 30;
const BELOW = '    ';

function toCell(value: CellValue): Cell {
  if (typeof value === 'object') return { text: cellText(value.text), tone: value.tone };
  return { text: cellText(value === undefined ? '' : String(value)), tone: undefined };
}

/** One line, with nothing in it that a terminal acts on. */
function cellText(text: string): string {
  return text === '' ? EMPTY : printable(text.replaceAll(/\s*\n\s*/g, ' '));
}

/** What of a table is wanted. */
export interface Look {
  readonly wide: boolean;
  /** Heads of the columns that are shown, in this order, whether they are wide or not. Default: those of the table. */
  readonly columns?: readonly string[] | undefined;
  /** Head of the column by which rows are sorted; with a `-` in front, from the end. Default: as they come. */
  readonly sort?: string | undefined;
}

export interface TableOptions extends Look {
  /** Characters in a line: the last column, which is the one with sentences, is broken there. Default: those of the terminal, if it is one. */
  readonly width?: number | undefined;
}

/** `goes-to` is GOES TO. */
const plainHead = (head: string): string => head.toLowerCase().replaceAll(/[ _]/g, '-');

function columnNamed<Row>(columns: readonly Column<Row>[], name: string): Column<Row> {
  const found = columns.find(({ head }) => plainHead(head) === plainHead(name));
  if (found !== undefined) return found;
  const possible = columns.map(({ head }) => plainHead(head)).join(', ');
  throw new CommandFailure(`there is no column "${name}"; possible: ${possible}`);
}

/** Numbers by their value, ages by their length, texts as people sort them; what is empty comes last either way. */
function sorterBy<Row>(columns: readonly Column<Row>[], sort: string): (rows: readonly Row[]) => readonly Row[] {
  const isBackwards = sort.startsWith('-');
  const column = columnNamed(columns, isBackwards ? sort.slice(1) : sort);
  const textOf = (row: Row): string => toCell(column.cell(row)).text;
  return (rows) =>
    rows
      .map((row) => ({ row, text: textOf(row) }))
      .sort((a, b) => {
        if (a.text === EMPTY || b.text === EMPTY) return Number(a.text === EMPTY) - Number(b.text === EMPTY);
        return (isBackwards ? -1 : 1) * compareTexts(a.text, b.text);
      })
      .map(({ row }) => row);
}

/** Of an age as tables show it: `90s`, `3h`, `2d ago`. Undefined: it is none. */
function ageMs(text: string): number | undefined {
  const age = text.replace(/ ago$/, '');
  const days = /^(\d+)d$/.exec(age)?.[1];
  return days === undefined ? parseDuration(age) : Number(days) * DAY;
}

function compareTexts(a: string, b: string): number {
  const [first, second] = [ageMs(a), ageMs(b)];
  if (first !== undefined && second !== undefined) return first - second;
  return a.localeCompare(b, 'en', { numeric: true });
}

function linesBelow({ text, tone }: Cell, lineWidth: number): readonly string[] {
  if (text === EMPTY) return [];
  return wrapWords(text, lineWidth - BELOW.length).map((line) => BELOW + styled(tone, line));
}

/** Columns that are as wide as their widest cell so far; rows can be added later. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #sorted: (rows: readonly Row[]) => readonly Row[];
  readonly #lineWidth: number | undefined;
  #widths: readonly number[];

  /** @throws CommandFailure when a column is wanted that there is not */
  constructor(columns: readonly Column<Row>[], { wide, columns: wanted, sort, width = terminalWidth() }: TableOptions) {
    this.#columns =
      wanted === undefined
        ? columns.filter((column) => wide || column.wide !== true)
        : wanted.map((head) => columnNamed(columns, head));
    this.#sorted = sort === undefined ? (rows) => rows : sorterBy(columns, sort);
    this.#lineWidth = width;
    this.#widths = this.#columns.map((column) => column.head.length);
  }

  /** The head line and these rows. */
  render(rows: readonly Row[]): string {
    const lines = this.#sorted(rows).map((row) => this.#cells(row));
    this.#grow(lines);
    const head = this.#columns.map((column) => cell(column.head, 'dim'));
    return [head, ...lines].map((line) => this.#line(line)).join('\n');
  }

  /** One more line below. */
  renderRow(row: Row): string {
    const cells = this.#cells(row);
    this.#grow([cells]);
    return this.#line(cells);
  }

  /** What a row says, without what changes with time alone. */
  newsOf(row: Row): string {
    const lasting = this.#columns.filter((column) => column.volatile !== true);
    return lasting.map((column) => toCell(column.cell(row)).text).join('\n');
  }

  #cells(row: Row): Cell[] {
    return this.#columns.map((column) => toCell(column.cell(row)));
  }

  #grow(lines: readonly Cell[][]): void {
    this.#widths = this.#widths.map((width, i) => Math.max(width, ...lines.map((line) => line[i]?.text.length ?? 0)));
  }

  #line(cells: readonly Cell[]): string {
    const padded = cells.slice(0, -1).map((one, i) => this.#padded(one, i));
    const last = cells.at(-1);
    if (last === undefined) return '';
    const from = this.#widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
    const lineWidth = this.#lineWidth ?? Number.POSITIVE_INFINITY;
    if (from + last.text.length <= lineWidth)
      return [...padded, this.#padded(last, cells.length - 1)].join(GAP).trimEnd();
    if (lineWidth - from >= NARROW) {
      const lines = wrapWords(last.text, lineWidth - from).map((line) => styled(last.tone, line));
      return [...padded, lines.join(`\n${' '.repeat(from)}`)].join(GAP);
    }
    const yields = (i: number): boolean => from > lineWidth && this.#columns[i]?.yields === true;
    const row = padded.filter((_, i) => !yields(i)).join(GAP);
    const below = [...cells.slice(0, -1).filter((_, i) => yields(i)), last].flatMap((one) =>
      linesBelow(one, lineWidth),
    );
    return [row.trimEnd(), ...below].join('\n');
  }

  #padded({ text, tone }: Cell, i: number): string {
    const space = ' '.repeat(Math.max(0, (this.#widths[i] ?? 0) - text.length));
    const shown = styled(tone, text);
    return this.#columns[i]?.right === true ? space + shown : shown + space;
  }
}

/** Lines of `key: value` with the values below each other; empty values are left out. */
export function renderFacts(
  facts: ReadonlyArray<readonly [key: string, value: CellValue]>,
  lineWidth = terminalWidth(),
): string {
  const shown = facts
    .map(([key, value]) => [key, toCell(value)] as const)
    .filter(([, value]) => value.text !== EMPTY && value.text !== '');
  const width = Math.max(0, ...shown.map(([key]) => key.length)) + 1;
  const indent = ' '.repeat(width + 1);
  return shown
    .map(([key, { text, tone }]) => {
      const lines = lineWidth === undefined ? [text] : wrapWords(text, lineWidth - indent.length);
      const value = lines.map((line) => styled(tone, line)).join(`\n${indent}`);
      return `${styled('dim', `${key}:`.padEnd(width))} ${value}`;
    })
    .join('\n');
}
