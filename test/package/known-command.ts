import { keeperOptions } from '../../cli/keeper-start.ts';
import { buildProgram } from '../../cli/program.ts';

/** Of the words behind `locum` in a compose file or a manifest, those that the command line does not know. */
export async function unknownWords(words: readonly string[]): Promise<readonly string[]> {
  const [noun = '', ...rest] = words;
  if (noun === 'keeper') return keeperOptions(rest)?.stay === true ? [] : words;
  const program = await buildProgram([noun]);
  const command = program.commands.find((one) => one.name() === noun);
  if (command === undefined) return [noun];
  const known = command.options.map(({ long }) => long);
  const flags = rest.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
  return flags.filter((flag) => !known.includes(flag));
}
