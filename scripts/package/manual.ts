/** Manual pages, from the definitions of the command line: what `--help` says is what they say. */
import type { Command, Help } from 'commander';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { readManifest, sourceDate } from './stage.ts';

/** As roff takes it: no dash is made a hyphen, and no line begins with one of its requests. */
export function escapeRoff(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^\./gm, '\\&.');
}

const bold = (text: string): string => `\\fB${escapeRoff(text)}\\fR`;

/** A term and what it means. */
const item = (term: string, meaning: string): string => `.TP\n${bold(term)}\n${escapeRoff(meaning)}`;

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`.SH ${title}`, ...lines];

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

const synopsis = (command: Command, help: Help): string => `.B ${escapeRoff(help.commandUsage(command))}`;

function options(command: Command, help: Help): string[] {
  // That there is a --help is said once, in locum(1).
  const shown = help.visibleOptions(command).filter(({ long }) => long !== '--help' || command.parent === null);
  return shown.map((option) => item(help.optionTerm(option), help.optionDescription(option)));
}

function operands(command: Command, help: Help): string[] {
  return help
    .visibleArguments(command)
    .map((argument) => item(help.argumentTerm(argument), help.argumentDescription(argument)));
}

/** A command of a noun, and those below it. */
function subcommands(command: Command): string[] {
  const help = command.createHelp();
  return help
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => [
      `.SS "${escapeRoff(help.commandUsage(child))}"`,
      escapeRoff(help.commandDescription(child)),
      ...operands(child, help),
      ...options(child, help),
      ...subcommands(child),
    ]);
}

const EXIT_STATUS = [
  ['0', 'Done.'],
  ['1', 'An error.'],
  ['2', 'Not placed.'],
  ['3', 'Not found.'],
  ['4', 'Denied.'],
  ['5', 'In conflict with what was changed meanwhile.'],
  ['6', 'policy diff: something would be another value than it is.'],
  ['124', 'Out of time.'],
] as const;

function page(command: Command, also: readonly string[]): string {
  const help = command.createHelp();
  const name = fullName(command).replaceAll(' ', '-');
  const { version } = readManifest();
  const date = new Date(sourceDate() * 1000).toISOString().slice(0, 10);
  const others = also.filter((one) => one !== name).map((one) => `.BR ${escapeRoff(one)} (1)`);
  return [
    `.TH ${name.toUpperCase()} 1 ${date} "Locum ${version}" "Locum"`,
    ...section('NAME', [`${escapeRoff(name)} \\- ${escapeRoff(command.description())}`]),
    ...section('SYNOPSIS', [synopsis(command, help)]),
    ...section('ARGUMENTS', operands(command, help)),
    ...section('OPTIONS', options(command, help)),
    ...section('COMMANDS', command.parent === null ? overview(command, help) : subcommands(command)),
    ...section(
      'EXIT STATUS',
      EXIT_STATUS.map(([code, meaning]) => item(code, meaning)),
    ),
    ...section('SEE ALSO', [others.join(',\n')]),
    '',
  ].join('\n');
}

function overview(program: Command, help: Help): string[] {
  return help
    .visibleCommands(program)
    .map((child) => item(help.subcommandTerm(child), help.subcommandDescription(child)));
}

/** By file name: `locum.1`, and one for each word that can follow. */
export async function manualPages(): Promise<ReadonlyMap<string, string>> {
  const shown = nouns.filter(({ group }) => group !== undefined).map(({ name }) => name);
  const program = await buildProgram(shown);
  const also = ['locum', ...shown.map((name) => `locum-${name}`)];
  const pages = program.commands.filter((command) => shown.includes(command.name()));
  return new Map([program, ...pages].map((one) => [`${fullName(one).replaceAll(' ', '-')}.1`, page(one, also)]));
}
