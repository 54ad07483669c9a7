/** Options of a script: `--help` prints what it can do, and what it does not know it refuses in one line. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends the process: 0 after `--help`, 1 after a wrong option. `usage` is printed as it is. */
export function parseUsage<const C extends ParseArgsConfig>(usage: string, config: C): ReturnType<typeof parseArgs<C>> {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(`${usage.trim()}\n`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    refuse(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
  }
}

/** Ends the process with 1. */
export function refuse(message: string): never {
  process.stderr.write(`${message}\nAdd --help for what is possible.\n`);
  process.exit(1);
}

/** A whole number of at least `low`, or the end. */
export function wholeNumber(text: string, name: string, low: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= low)) refuse(`${name}: "${text}" is no whole number of at least ${low}`);
  return number;
}

/** Each of `names` must be known to `isKnown`, or the end, with what is known. */
export function checkNames(
  names: readonly string[],
  isKnown: (name: string) => boolean,
  known: readonly string[],
): void {
  const unknown = names.filter((name) => !isKnown(name));
  if (unknown.length > 0) refuse(`unknown: ${unknown.join(', ')}. Known: ${known.join(', ')}`);
}
