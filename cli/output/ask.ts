/** Questions before what can't be undone. */
import { createInterface } from 'node:readline/promises';
import { CommandFailure } from '../exit-codes.ts';
import { manner } from './manner.ts';

/** Asks at a terminal; elsewhere nobody can answer, so `--yes` must be given. */
export async function confirm(question: string, options: { readonly yes?: boolean | undefined }): Promise<void> {
  if (options.yes === true) return;
  if (!manner.input || !process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandFailure(
      `${question}\n${manner.input ? 'There is no terminal to ask at' : 'Nothing is asked with --no-input'}: add --yes to do it.`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure('Nothing was changed.');
  } finally {
    terminal.close();
  }
}
