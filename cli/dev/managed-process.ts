/** One child: its output goes to a file and to whoever listens, and it is ended by its own process id, never by a name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ManagedProcessOptions {
  /** As it is shown: `controller`, `server-1`. */
  readonly name: string;
  /** Program first. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Each line of its output. Default: only the file. */
  readonly show?: ((line: string, name: string) => void) | undefined;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Last lines kept for the message about a child that ended too early. */
const KEPT_LINES = 30;

export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  /** Settles once the process has ended and its output is read. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #exit: Exit | undefined;

  constructor({ name, argv, env, logFile, show }: ManagedProcessOptions) {
    this.name = name;
    this.logFile = logFile;
    const [program = process.execPath, ...args] = argv;
    // A group of its own: Ctrl-C at the terminal reaches us alone, and we end the children in order.
    this.#child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const log = createWriteStream(logFile, { flags: 'a' });
    const take = (line: string): void => {
      log.write(`${line}\n`);
      this.#lastLines.push(line);
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
      show?.(line, name);
    };
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', take);
    }
    this.exited = this.#watchEnd(log);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** The last lines it wrote, for a message about its end. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Asks with SIGTERM, and kills what has not ended after `timeoutMs`. */
  async stop(options: { readonly timeoutMs: number }): Promise<Exit> {
    this.signal('SIGTERM');
    const ended = await Promise.race([this.exited, sleep(options.timeoutMs, undefined, { ref: false })]);
    if (ended !== undefined) return ended;
    this.signal('SIGKILL');
    return this.exited;
  }

  async #watchEnd(log: WriteStream): Promise<Exit> {
    const exit = await new Promise<Exit>((resolve) => {
      this.#child.once('error', () => resolve({ code: null, signal: null }));
      // `close` comes after the last line; a grandchild that holds the pipe must not delay us for ever, so `exit` counts too.
      this.#child.once('exit', (code, signal) => setTimeout(() => resolve({ code, signal }), 20));
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.#exit = exit;
    log.end();
    return exit;
  }
}
