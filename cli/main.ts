/** The `locum` command. Started by bin/locum.js, which has checked the version of Node. */
import { CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import { globalsOf } from './globals.ts';
import { buildProgram } from './program.ts';

/** `locum events | head` closes our output early: that is the reader's choice, no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const words = process.argv.slice(2);
const program = await buildProgram(words);
try {
  if (words.length === 0) program.outputHelp();
  else await program.parseAsync(words, { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) {
    // It has printed its message, or the help that was asked for.
    process.exitCode = error.exitCode;
  } else {
    const { tellFailure } = await import('./failure.ts');
    process.exitCode = await tellFailure(error, globalsOf(program));
  }
}
