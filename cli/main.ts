/** The `locum` command. Started by bin/locum.js, which has checked the version of Node. */
import { runCommandLine } from './command-line.ts';
import { EXIT } from './exit-codes.ts';

/** `locum events | head` closes our output early: that is the reader's choice, no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const exitCode = await runCommandLine(process.argv.slice(2));
if (exitCode !== undefined) process.exitCode = exitCode;
