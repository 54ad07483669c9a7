/** The `locum` command. Started by bin/locum.js, which has checked the version of Node. */
import { EXIT } from './exit-codes.ts';
import { keeperOptions, startKeeper } from './keeper-start.ts';

/** `locum events | head` closes our output early: that is the reader's choice, no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

/** The rest of the command is loaded only where it is needed: a keeper does without. */
async function run(words: readonly string[]): Promise<number | undefined> {
  const keeper = words[0] === 'keeper' ? keeperOptions(words.slice(1)) : undefined;
  if (keeper !== undefined) {
    try {
      return await startKeeper(keeper);
    } catch (error) {
      const { tellFailure } = await import('./failure.ts');
      return tellFailure(error, { address: [] });
    }
  }
  const { runCommandLine } = await import('./command-line.ts');
  return runCommandLine(words);
}

const exitCode = await run(process.argv.slice(2));
if (exitCode !== undefined) process.exitCode = exitCode;
