import type { Command } from 'commander';
import { keeperOptions } from '../../cli/keeper-start.ts';
import { buildProgram } from '../../cli/program.ts';

const below = ({ commands }: Command, name: string): Command | undefined => commands.find((one) => one.name() === name);

/** Of the words behind `locum` in a compose file or a manifest, those that the command line does not know. */
export async function unknownWords(words: readonly string[]): Promise<readonly string[]> {
  const [noun = '', ...rest] = words;
  if (noun === 'keeper') return keeperOptions(rest)?.stay === true ? [] : words;
  const program = await buildProgram([noun]);
  if (below(program, noun) === undefined) return [noun];
  let command: Command = program;
  for (const word of words) command = below(command, word) ?? command;
  const known = command.options.map(({ long }) => long);
  const flags = rest.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
  return flags.filter((flag) => !known.includes(flag));
}
