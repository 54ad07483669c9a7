/** Programs of the system, without blocking the loop that measures how late this machine is. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What it printed. @throws when it fails. */
export async function command(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, args, { encoding: 'utf8' });
  return stdout.trim();
}

/** Asks every 20 ms whether something has come about. @throws after `limitMs`. */
export async function waitFor(what: string, limitMs: number, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`did not happen within ${limitMs / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
