/** The command line as a whole: the nouns, the options that all of them take, and how wrong usage is told. */
import { Command } from 'commander';
import { printable, printableLines } from '../shared/printable.ts';
import { addGlobals, globalsOf } from './globals.ts';
import { locumVersion } from './locum-version.ts';
import { asksControllers, type Noun, nouns } from './nouns.ts';
import { setManner } from './output/manner.ts';

const EPILOGUE = `
Exit codes: 0 ok, 1 error, 2 not placed, 3 not found, 4 denied, 5 conflict, 124 timeout.
Names may be given with or without their collection ("web-1", "servers/web-1"); runs by a unique beginning.
The words on the screen (SUSPECT, FENCING, epoch, WAIT, …) are explained in docs/cli.md.`;

/** Whether a noun's commands are needed to parse this line or to print its help. */
const named = (noun: Noun, words: readonly string[]): boolean => words.includes(noun.name);

/** Before an action: what the environment and a context say joins what was given. */
async function applyTarget(program: Command): Promise<void> {
  const { targetOf } = await import('./context/target.ts');
  const target = await targetOf(program, process.env);
  program.setOptionValueWithSource('target', target, 'config');
  program.setOptionValueWithSource('address', target.address.value, 'config');
  program.setOptionValueWithSource('output', target.output.value, 'config');
  if (target.warning !== undefined) process.stderr.write(`warning: ${printable(target.warning)}\n`);
}

/** `words` are those of the command line; nouns that it does not name stay empty. */
export async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = new Command('locum')
    .description('Policies that fail over along an ordered list of servers, explained, and by default never twice.')
    .version(locumVersion(), '--version', 'the version of Locum')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for what is possible here)')
    // It quotes words of the line, which may be names of files or answers of other commands.
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .helpCommand('help [command]', 'show what a command can do')
    .helpOption('-h, --help', 'show what is possible here')
    // What every command takes is shown with each of them.
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EPILOGUE);
  addGlobals(program);
  program.hook('preAction', (_, command) => setManner(globalsOf(command)));
  for (const noun of nouns) {
    const command = program.command(noun.name, { hidden: noun.group === undefined }).description(noun.summary);
    if (noun.group !== undefined) command.helpGroup(noun.group);
    if (asksControllers(noun)) command.hook('preAction', () => applyTarget(program));
    if (named(noun, words)) (await noun.load()).define(command);
  }
  return program;
}
