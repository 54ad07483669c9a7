/** One command line, from its words to its exit code. */
import { CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import { globalsOf } from './globals.ts';
import { buildProgram } from './program.ts';

/** Prints what there is to print. Undefined: the command has set the process's exit code by itself, or it is 0. */
export async function runCommandLine(words: readonly string[]): Promise<number | undefined> {
  const program = await buildProgram(words);
  try {
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    // It has printed its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.error;
    const { tellFailure } = await import('./failure.ts');
    return tellFailure(error, globalsOf(program));
  }
}
