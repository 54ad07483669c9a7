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
  /** `isLate`: it took too long. Else it is not there, or failed. */
  | { readonly kind: 'failed'; readonly isLate: boolean; readonly detail: string };

/** No shell; standard input is closed; killed for certain after the time limit. */
export function outputOf(argv: readonly string[], { timeoutMs, env }: ProgramOptions): Promise<ProgramOutput> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    // Not execFile's own limit: of a program that ends just as that strikes, it answers that all went well, and loses the output.
    let isLate = false;
    try {
      const options = { maxBuffer: MAX_OUTPUT_BYTES, env, cwd: '/', shell: false } as const;
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        clearTimeout(limit);
        if (isLate) resolve({ kind: 'failed', isLate, detail: `killed after ${timeoutMs} ms` });
        else if (error === null) resolve({ kind: 'ok', stdout, stderr });
        else resolve({ kind: 'failed', isLate, detail: error.message });
      });
      const limit = setTimeout(() => {
        isLate = true;
        // Whoever it left behind may hold the pipes open for ever.
        child.stdout?.destroy();
        child.stderr?.destroy();
        child.kill('SIGKILL');
      }, timeoutMs);
      child.stdin?.on('error', () => undefined);
      child.stdin?.end();
    } catch (error) {
      // An argument with a zero byte, for one.
      resolve({ kind: 'failed', isLate, detail: messageOf(error) });
    }
  });
}
