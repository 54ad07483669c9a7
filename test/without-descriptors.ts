/** Programs of ours on a host where no file, no pipe and no process can be opened any more. */
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';

const LIMIT = 100;
const LIMIT_MS = 30_000;

/** Runs a file of TypeScript that may call `takeAllDescriptors`. */
export function runWithoutDescriptors(file: string): { readonly status: number | null; readonly stdout: string } {
  const words = ['-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', process.execPath, file];
  const { status, stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8', timeout: LIMIT_MS });
  return { status, stdout: `${stdout}${stderr}` };
}

export function takeAllDescriptors(): void {
  try {
    for (let i = 0; i <= LIMIT; i += 1) openSync('/dev/null', 'r');
  } catch {
    // That was the last one.
  }
}
