/** Logs go to stderr: one JSON object per line for machines, one plain line for people. Stdout is for data. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { formatLogLine } from './log-line.ts';
import { stderrOutput } from './log-output.ts';
import { printableJson } from './printable.ts';

export type { Logger } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ['auto', 'json', 'pretty'] as const;
/** `auto`: pretty on a terminal, JSON otherwise. */
export type LogFormat = (typeof logFormats)[number];

export interface LoggerOptions {
  /** Which program speaks: `controller`, `agent web-1`. */
  readonly name: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `auto`. */
  readonly format?: LogFormat;
  /** Where lines go. Default: stderr. */
  readonly output?: DestinationStream;
}

/** What must never be in a log, at the top of an entry and two levels below. Environments of workloads hold passwords. */
const SECRET = ['token', 'password', 'secret', 'authorization', 'cookie', 'env'];
const redacted = SECRET.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

function pretty(output: DestinationStream): DestinationStream {
  const colors = process.stderr.isTTY && process.env['NO_COLOR'] === undefined;
  return { write: (line) => output.write(formatLogLine(line, { colors })) };
}

/** JSON itself leaves C1 controls and what turns lines round as they are, and people look at such logs on terminals too. */
function harmless(output: DestinationStream): DestinationStream {
  return { write: (line) => output.write(printableJson(line)) };
}

/** A logger. `logger.child({ server: 'web-1' })` adds facts to every line; `logger.error({ err }, 'text')` logs an error with its stack. */
export function createLogger({
  name,
  level = 'info',
  format = 'auto',
  output = stderrOutput(),
}: LoggerOptions): Logger {
  const forPeople = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const options = {
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redacted, censor: '[hidden]' },
  };
  return pino(options, forPeople ? pretty(output) : harmless(output));
}
