/** Runs a program that only tells something: with a time limit, a bounded output, and no way to hold the agent up. */
import { type ExecFileException, execFile } from 'node:child_process';
import { messageOf } from '../../shared/caught-error.ts';

/** More is not read; who prints that much tells nothing that we ask for. */
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
}

export type ProgramOutput =
  | { readonly kind: 'ok'; readonly stdout: string; readonly stderr: string }
  | {
      readonly kind: 'failed';
      /** It took too long. Else it is not there, or failed. */
      readonly isLate: boolean;
      /** In words, with nothing that it printed and no argument, which may be secrets. */
      readonly outcome: string;
      /** For the log of this host. */
      readonly detail: string;
    };

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
        const late = `killed after ${timeoutMs} ms`;
        if (isLate) resolve({ kind: 'failed', isLate, outcome: late, detail: late });
        else if (error === null) resolve({ kind: 'ok', stdout, stderr });
        else resolve({ kind: 'failed', isLate, outcome: outcomeOf(error), detail: error.message });
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
      resolve({ kind: 'failed', isLate, outcome: 'could not be run', detail: messageOf(error) });
    }
  });
}

function outcomeOf({ code, signal }: ExecFileException): string {
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${MAX_OUTPUT_BYTES / 1024} KiB`;
  if (typeof code === 'number') return `exited with ${code}`;
  return code === undefined || code === null ? `was ended by ${signal ?? 'a signal'}` : `could not be run: ${code}`;
}
