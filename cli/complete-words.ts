/** Words that can come next on a command line: commands, options, and names that exist. Asked by the completion scripts. */
import { type Argument, type Command, Option } from 'commander';
import { assert } from '../shared/assert.ts';
import { isPrintable } from '../shared/printable.ts';

const collections: Readonly<Record<string, string>> = {
  server: 'servers',
  servers: 'servers',
  policy: 'policies',
  policies: 'policies',
  pool: 'pools',
  run: 'runs',
};

/** A shell waits for the answer while a person types. */
const NAMES_TIMEOUT_MS = 800;

const isFlag = (option: Option, word: string | undefined): boolean =>
  word !== undefined && (word === option.short || word === option.long);

const visible = (command: Command): Command[] => command.createHelp().visibleCommands(command);

function optionWords(command: Command): string[] {
  const flags: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) {
    flags.push(...at.options.filter((option) => !option.hidden).map((option) => option.long ?? option.flags));
  }
  return flags;
}

/** The option of this command, or of one above it, that this word is and that wants a value. */
function valued(command: Command, word: string | undefined): Option | undefined {
  const option = command.options.find((one) => isFlag(one, word) && one.required);
  return option ?? (command.parent === null ? undefined : valued(command.parent, word));
}

/** The command that the words lead to, and how many of its arguments are there already. */
function walk(program: Command, words: readonly string[]): { readonly command: Command; readonly given: number } {
  let command = program;
  let given = 0;
  for (const [i, word] of words.entries()) {
    if (word.startsWith('-')) continue;
    const child = command.commands.find((one) => one.name() === word);
    // The value of an option such as "-o json" is no argument.
    const option = valued(command, words[i - 1]);
    if (child !== undefined && given === 0) command = child;
    else if (option === undefined) given += 1;
  }
  return { command, given };
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const known = command.registeredArguments;
  const last = known.at(-1);
  return known[index] ?? (last?.variadic === true ? last : undefined);
}

/** What a name means: an argument or the value of an option, on a line with these words before it. */
async function namesFor(word: string, program: Command, before: readonly string[]): Promise<string[]> {
  const collection = collections[word];
  if (collection === undefined) return word === 'context' ? contextNames() : [];
  const [{ knownNames }, { targetOf }] = await Promise.all([
    import('./client/known-names.ts'),
    import('./context/target.ts'),
  ]);
  try {
    program.parseOptions([...before]);
    const target = await targetOf(program, process.env);
    return await knownNames(collection, { address: target.address.value, target, timeout: NAMES_TIMEOUT_MS });
  } catch {
    return [];
  }
}

async function contextNames(): Promise<string[]> {
  const { configPath, readConfigFile } = await import('./context/config-file.ts');
  try {
    return Object.keys((await readConfigFile(configPath(process.env)))?.contexts ?? {}).sort();
  } catch {
    return [];
  }
}

/** `program` knows the nouns of the line. `words` are those of the line after `locum`; the last one is being typed. */
export async function wordsNext(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { command, given } = walk(program, before);
  const previous = before.at(-1) ?? '';
  const option = valued(command, previous);
  if (option !== undefined) return option.argChoices ?? namesFor(option.attributeName(), program, before);
  if (typed.startsWith('-')) return optionWords(command);
  if (command.commands.length > 0) return visible(command).map((one) => one.name());
  const argument = argumentAt(command, given);
  return argument === undefined ? [] : (argument.argChoices ?? namesFor(argument.name(), program, before));
}

export function define(completeWords: Command): void {
  const newWord = new Option('--new-word', 'what is typed next is a new word, which an empty one would say as well');
  completeWords.addOption(newWord).argument('[words...]');
  completeWords.action(async (given: string[], { newWord }: { readonly newWord?: boolean }) => {
    const words = newWord === true ? [...given, ''] : given;
    const { parent: program } = completeWords;
    assert(program !== null, 'it is a command of the program');
    // A shell puts a word on its line as it is.
    const next = (await wordsNext(program, words)).filter(isPrintable);
    if (next.length > 0) process.stdout.write(`${next.join('\n')}\n`);
  });
}
