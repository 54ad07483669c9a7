/** Where a service's log goes: a pipe that somebody reads, as with a journal. The reader can stop reading, or go away. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';

const COPY = 'exec cat "$1" >> "$2"';

export interface LogPipeOptions {
  /** Made here. */
  readonly pipe: string;
  readonly logFile: string;
  /** Of the reader: so that it is found when it has to be cleared away. */
  readonly env: NodeJS.ProcessEnv;
}

export class LogPipe {
  readonly #options: LogPipeOptions;
  #reader: ChildProcess;
  /** For whoever writes; it stays open, so a new reader finds its writers. */
  readonly writeEnd: number;

  constructor(options: LogPipeOptions) {
    execFileSync('mkfifo', [options.pipe]);
    this.#options = options;
    this.#reader = this.#read();
    // Waits for the reader.
    this.writeEnd = openSync(options.pipe, constants.O_WRONLY);
  }

  #read(): ChildProcess {
    const { pipe, logFile, env } = this.#options;
    return spawn('sh', ['-c', COPY, 'log', pipe, logFile], { stdio: 'ignore', detached: true, env });
  }

  /** Nobody reads any more, and there is no room for another byte: whoever writes has to wait. */
  stall(): void {
    this.#reader.kill('SIGSTOP');
    const end = openSync(this.#options.pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      for (const size of [4_096, 1]) writeWhileThereIsRoom(end, size);
    } finally {
      closeSync(end);
    }
  }

  goOn(): void {
    this.#reader.kill('SIGCONT');
  }

  /** From now on writing fails with EPIPE. */
  async breakOff(): Promise<void> {
    this.#reader.kill('SIGKILL');
    await once(this.#reader, 'exit');
  }

  mend(): void {
    this.#reader = this.#read();
  }

  close(): void {
    this.#reader.kill('SIGKILL');
    closeSync(this.writeEnd);
  }
}

function writeWhileThereIsRoom(end: number, size: number): void {
  const bytes = Buffer.alloc(size, '.');
  try {
    for (;;) writeSync(end, bytes);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAGAIN') throw error;
  }
}
