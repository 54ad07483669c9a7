/** A command of the user's that prints a token, as those of identity providers do. */
import { spawn } from 'node:child_process';
import { CommandFailure } from '../exit-codes.ts';

export interface TokenCommandOptions {
  /** For the shell. */
  readonly command: string;
  /** Who says so: `context prod`. */
  readonly from: string;
  /** Default 60 s: it may ask a person to log in. */
  readonly timeoutMs?: number;
}

const LIMIT_BYTES = 64 * 1024;

/** What it prints on standard output. It has our terminal for the rest. Rejects with CommandFailure. */
export function outputOf({ command, from, timeoutMs = 60_000 }: TokenCommandOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['inherit', 'pipe', 'inherit'] });
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new CommandFailure(`token_command of ${from} ${why}: nothing was sent\nIt is: ${command}`));
      child.kill('SIGKILL');
      // What the shell has started may hold the other end, and is not waited for.
      child.stdout.destroy();
    };
    const timer = setTimeout(() => fail(`did not end within ${timeoutMs / 1_000} s`), timeoutMs);
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMIT_BYTES) fail(`printed more than ${LIMIT_BYTES} bytes`);
      else chunks.push(chunk);
    });
    child.on('error', ({ message }) => fail(`can't be started: ${message}`));
    child.on('close', (code, signal) => {
      if (code !== 0) return fail(code === null ? `was ended by ${signal}` : `ended with exit code ${code}`);
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
