/** Of what the processes of a cluster log, only what a person must see: warnings and errors. */
import { formatLogLine } from '../../shared/log-line.ts';

const IMPORTANT = new Set(['warn', 'error', 'fatal']);

/** The line for people; undefined when it is not important. A line that is no log entry is: something went wrong early. */
export function importantLine(line: string): string | undefined {
  if (line.trim() === '') return undefined;
  let level: unknown;
  try {
    level = Reflect.get(Object(JSON.parse(line)), 'level');
  } catch {
    return line;
  }
  return IMPORTANT.has(String(level)) ? formatLogLine(line, { colors: process.stderr.isTTY }).trimEnd() : undefined;
}
