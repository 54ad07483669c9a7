/** Runs a program that only tells something: with a time limit, a bounded output, and no way to hold the agent up. */
import { execFile } from 'node:child_process';
import { messageOf } from '../../shared/caught-error.ts';

/** More is not read; who prints that much tells nothing that we ask for. */
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
}

export type ProgramOutput =
  | { readonly kind: 'ok'; readonly stdout: string; readonly stderr: string }
  /** It is not there, failed, or took too long. */
  | { readonly kind: 'failed'; readonly detail: string };

/** No shell; standard input is closed; killed for certain after the time limit. */
export function outputOf(argv: readonly string[], { timeoutMs, env }: ProgramOptions): Promise<ProgramOutput> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    try {
      const child = execFile(program, args, { ...limits, env, cwd: '/', shell: false }, (error, stdout, stderr) => {
        if (error === null) resolve({ kind: 'ok', stdout, stderr });
        else resolve({ kind: 'failed', detail: error.killed ? `killed after ${timeoutMs} ms` : error.message });
      });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end();
    } catch (error) {
      // An argument with a zero byte, for one.
      resolve({ kind: 'failed', detail: messageOf(error) });
    }
  });
}
