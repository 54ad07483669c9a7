/** A program under a service manager as in docs/operations.md: whatever it ends of, it is started again after a second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Between its end and its next start, as RestartSec. */
export const RESTART_MS = 1_000;
const STOP_LIMIT_MS = 15_000;

export interface ServiceOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Open for writing: its stdout and stderr. */
  readonly log: number;
}

export class Service {
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  readonly #ends: string[] = [];

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How it ended, each time that nobody asked it to. */
  get ends(): readonly string[] {
    return this.#ends;
  }

  start(): void {
    this.#wanted = true;
    const { argv, env, log } = this.#options;
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { env, stdio: ['ignore', log, log], detached: true });
    this.#child = child;
    const again = (how: string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (!this.#wanted) return;
      this.#ends.push(how);
      this.#timer = setTimeout(() => this.start(), RESTART_MS);
    };
    child.once('exit', (code, signal) => again(signal ?? `exit code ${code}`));
    child.once('error', ({ message }) => again(message));
  }

  /** True: it ended by itself after SIGTERM. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<boolean> {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return true;
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
    return signal === 'SIGKILL' || child.signalCode !== 'SIGKILL';
  }
}
