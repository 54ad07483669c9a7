/** Options that every command takes. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../shared/duration.ts';
import { DEFAULT_ADDRESS, parseAddresses } from './context/addresses.ts';
import type { Destination } from './context/target.ts';
import { OUTPUT_FORMS, type OutputForm } from './output/forms.ts';

/** The root's options as a command sees them. */
export interface Globals {
  /** `host:port` of the controllers, tried in this order. */
  readonly address: readonly string[];
  /** For one call, retries included; for `wait`, for the whole wait. Undefined: the command's own default. */
  readonly timeout?: number;
  readonly output: OutputForm;
  /** Of commands that print one table. */
  readonly columns?: readonly string[];
  readonly sort?: string;
  /** `{{name}} {{rank}}`: what is printed instead of the form. */
  readonly template?: string;
  readonly quiet?: boolean;
  /** `--no-color`, `--no-input`: false. */
  readonly color?: boolean;
  readonly input?: boolean;
  /** As whom, and how the controllers are known. Undefined: nobody, in plain text. */
  readonly target?: Destination;
  /** Sends the token in plain text to other hosts, and on this one to whoever listens. */
  readonly insecureToken?: boolean;
}

/** Milliseconds of `10s`, `5m`, `1h30m`. */
export function parseSpan(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('use a time span such as 500ms, 10s, 5m or 1h30m');
  return ms;
}

/** A moment: a time span back from now (`2h`), or a date with or without a time of the local zone (`2026-11-27`, `2026-11-27T08:30`). */
export function parseMoment(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return Date.now() - ms;
  // Without a time a date would be taken for one of UTC.
  const at = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text);
  if (!Number.isNaN(at) && /^\d{4}-/.test(text)) return at;
  throw new InvalidArgumentError('use a time span back from now, such as 2h, or a time, such as 2026-11-27T08:30');
}

/** A whole number in a range. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const number = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= low && number <= high) return number;
    const range = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`;
    throw new InvalidArgumentError(`use a whole number ${range}`);
  };
}

export function addGlobals(program: Command): void {
  program
    .addOption(
      new Option('--address <host:port,…>', 'controllers to talk to, tried in order')
        .env('LOCUM_ADDRESS')
        .argParser(parseAddresses)
        .default([DEFAULT_ADDRESS], DEFAULT_ADDRESS),
    )
    .addOption(
      new Option('--context <name>', 'which cluster of "locum context list", and as whom').env('LOCUM_CONTEXT'),
    )
    .addOption(new Option('--token-file <file>', 'file with the token that says who calls (or LOCUM_TOKEN)'))
    .option('--insecure-token', 'send the token in plain text to other hosts, and on this one whoever listens')
    .addOption(
      new Option('--ca-file <file>', 'speak TLS, with controllers for which this authority stands').env(
        'LOCUM_CA_FILE',
      ),
    )
    .addOption(
      new Option('--tls-dir <folder>', 'speak TLS, with tls.crt, tls.key and ca.crt of this folder').env(
        'LOCUM_TLS_DIR',
      ),
    )
    .addOption(new Option('--timeout <span>', 'how long to try (default: 10s, of wait: 5m)').argParser(parseSpan))
    .addOption(new Option('-o, --output <form>', 'how to print the answer').choices(OUTPUT_FORMS).default('table'))
    .addOption(
      new Option(
        '--template <text>',
        'print this instead, of lists once for each item: "{{name}} {{rank}}", by the names of -o json',
      ).conflicts('output'),
    )
    .option('-q, --quiet', 'on standard error only warnings and errors')
    .option('--no-color', 'no colours (also: NO_COLOR)')
    .option('--no-input', 'ask nothing: what needs a yes needs --yes');
}

/** For commands that print one table. */
export function addTableOptions(command: Command): Command {
  const names = (text: string): readonly string[] => text.split(',').map((name) => name.trim());
  return command
    .option('--columns <heads>', 'only these columns, in this order: server,slots,labels', names)
    .option('--sort <head>', 'by this column; with a "-" in front, from the end');
}

/** What the user gave, or the defaults, wherever on the command line it stood. */
export const globalsOf = (command: Command): Globals => command.optsWithGlobals<Globals & Record<string, unknown>>();

/** Not for scripts: what helps a reader, and costs a call more, is printed too. */
export const isForPeople = ({ output, template }: Pick<Globals, 'output' | 'template'>): boolean =>
  template === undefined && (output === 'table' || output === 'wide');

/** `--dry-run` and `--validate-only` are the same thing: some know it by one name, some by the other. */
export interface DryRunOption {
  readonly dryRun?: boolean;
  readonly validateOnly?: boolean;
  /** The plan that a dry run printed. */
  readonly ifPlan?: string;
}

export function addDryRun(command: Command): Command {
  return command
    .option('--dry-run', 'check everything, show what would happen, change nothing')
    .addOption(new Option('--validate-only', 'the same').hideHelp())
    .option('--if-plan <etag>', 'do exactly what a dry run said, which printed this, or nothing');
}

export const isDryRun = (options: DryRunOption): boolean => options.dryRun === true || options.validateOnly === true;

/** The same for the API. */
export const trialOf = (options: DryRunOption) => ({ validateOnly: isDryRun(options), ifPlan: options.ifPlan ?? '' });

export const YES = ['-y, --yes', 'do not ask'] as const;

/** `-l team=payments -l '!legacy'`: each must hold. */
export interface SelectorOption {
  readonly selector?: readonly string[];
}

export function addSelector(command: Command, what: string): Command {
  const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
  return command.option('-l, --selector <predicate>', `only ${what}, as in team=payments; may be repeated`, collect);
}
