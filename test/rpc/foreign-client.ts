/** Runs programs of others against our listeners. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Outcome {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program's file, looked up in PATH and in the project's own tools; undefined when this machine has none. */
export function findProgram(name: string): string | undefined {
  const own = join(import.meta.dirname, '../../node_modules/.bin');
  return [own, ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Runs it to its end, at most 50 s, within what a test may take. `input` goes to its stdin. */
export function run(file: string, args: readonly string[], input = ''): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(file, args, { timeout: 50_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
    resolve({ code, stdout, stderr });
  });
  // A program that refuses its arguments closes its stdin before we are done writing to it.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return promise;
}
