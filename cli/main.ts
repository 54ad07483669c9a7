/** The `locum` command. Started by bin/locum.js, which has checked the version of Node. */
import { EXIT } from './exit-codes.ts';
import { keeperOptions, startKeeper } from './keeper-start.ts';

/**
 * `locum events | head` closes our output early: that is the reader's choice, no error. A terminal that is closed (EIO) is no different.
 * Who has something to clear away first, as `locum dev` has its processes, listens to SIGTERM.
 */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE' && code !== 'EIO') process.exit(EXIT.error);
    if (process.listenerCount('SIGTERM') === 0) process.exit(EXIT.ok);
    closed();
  });
}

/** Once: each line that is still written meets the same error. */
let isClosed = false;
function closed(): void {
  if (isClosed) return;
  isClosed = true;
  process.emit('SIGTERM');
}

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
