/** One log entry as one line for people: time, level, program, text, then facts as `key=value`. A stack follows, indented. */
import { styleText } from 'node:util';
import { isObject } from './is-object.ts';
import { printable } from './printable.ts';

export interface LogLineOptions {
  readonly colors: boolean;
}

type Entry = Readonly<Record<string, unknown>>;
type Color = Parameters<typeof styleText>[0];

/** Shown in a place of their own, or of no use to a reader. */
const PLACED = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err']);

const levelColors: Readonly<Record<string, Color>> = { debug: 'gray', warn: 'yellow', error: 'red', fatal: 'red' };

/** Text from elsewhere: a server's name, an error of a program. */
const oneLine = (text: string): string => printable(text.replaceAll('\t', ' '));

function fact(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? oneLine(value) : oneLine(JSON.stringify(value));
  return oneLine(JSON.stringify(value) ?? 'undefined');
}

function textOf(entry: Entry, key: string): string {
  const value = entry[key];
  return typeof value === 'string' ? value : '';
}

/** `line` is what pino writes. A line that is no entry is passed on as it is. */
export function formatLogLine(line: string, { colors }: LogLineOptions): string {
  const entry = parse(line);
  if (entry === undefined) return `${oneLine(line.trimEnd())}\n`;
  const level = textOf(entry, 'level');
  const paint = (color: Color, text: string): string =>
    colors ? styleText(color, text, { validateStream: false }) : text;
  // The date is on every line of a journal already, and a person reads the last minutes.
  const time = textOf(entry, 'time').slice(11, 23);
  const facts = Object.entries(entry).filter(([key]) => !PLACED.has(key));
  const error = isObject(entry['err']) ? entry['err'] : {};
  const parts = [
    paint('gray', time),
    paint(levelColors[level] ?? 'green', level.toUpperCase().padEnd(5)),
    paint('cyan', oneLine(textOf(entry, 'name'))),
    oneLine(textOf(entry, 'msg')),
    ...facts.map(([key, value]) => `${paint('gray', `${oneLine(key)}=`)}${fact(value)}`),
    ...(entry['err'] === undefined ? [] : [`${paint('gray', 'err=')}${fact(error['message'] ?? entry['err'])}`]),
  ];
  const stack = level === 'error' || level === 'fatal' ? textOf(error, 'stack') : '';
  return `${[parts.filter((part) => part !== '').join(' '), ...stackLines(stack)].join('\n')}\n`;
}

function stackLines(stack: string): string[] {
  return stack
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `    ${oneLine(line.trim())}`);
}

function parse(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
