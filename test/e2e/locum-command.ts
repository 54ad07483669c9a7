/** `locum` as a user calls it: a process of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export const ROOT = join(import.meta.dirname, '../..');
export const LOCUM = join(ROOT, 'bin/locum.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** For standard input. Default: nothing. */
  readonly input?: string;
  /** Beside the variables of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

const TIMEOUT_MS = 30_000;

export async function runLocum(
  address: string,
  args: readonly string[],
  { input = '', env = {} }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [LOCUM, ...args], {
    env: { ...process.env, LOCUM_ADDRESS: address, NO_COLOR: '1', ...env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
