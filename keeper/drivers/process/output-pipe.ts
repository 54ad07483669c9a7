/**
 * Pipes for the output of workloads. Node's own are sockets, which a workload can't open again as `/dev/stdout` or `/dev/stderr`;
 * a named pipe that is opened at both ends and then unlinked is a true one. They are made in a folder in memory: no disk may keep a
 * start waiting for one.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Pipes made ahead by one `mkfifo`: it takes longer than the rest of a start. */
const BATCH = 8;
/** A program of the system that takes longer does not work here. */
const LIMIT_MS = 3_000;

export interface OutputPipe {
  /** What the workload writes. Ends when the last process that holds the other end is gone. */
  readonly reader: Socket;
  /** The workload's end: its standard output and standard error. */
  readonly writeFd: number;
  /** Gives up the keeper's hold on the workload's end; to be called once it has been passed on, or is not needed. */
  closeWriteEnd(): void;
}

/** Makes pipes in a folder of its own. */
export class PipeMaker {
  readonly #directory: string;
  readonly #ready: string[] = [];
  #making: Promise<void> | undefined;
  #made = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes away what an earlier keeper left and makes the first batch. Rejects where `mkfifo` does not work. */
  async prepare(): Promise<void> {
    rmSync(this.#directory, { recursive: true, force: true });
    await this.#makeBatch();
  }

  /** Takes away the pipes that nobody took. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async take(): Promise<OutputPipe> {
    while (this.#ready.length === 0) await this.#makeBatch();
    const path = this.#ready.shift();
    if (this.#ready.length < BATCH / 2) void this.#makeBatch().catch(() => undefined);
    return path === undefined ? this.take() : openPipe(path);
  }

  /** One at a time, for all who wait. */
  #makeBatch(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const paths = Array.from({ length: BATCH }, () => {
      this.#made += 1;
      return join(this.#directory, String(this.#made));
    });
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths], { timeout: LIMIT_MS });
    this.#ready.push(...paths);
  }
}

function openPipe(path: string): OutputPipe {
  // Reading end first and without waiting: then the writing end opens at once, and stays a blocking one, as programs expect.
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let writeFd: number;
  try {
    writeFd = openSync(path, constants.O_WRONLY);
  } catch (error) {
    closeSync(readFd);
    throw error;
  } finally {
    unlinkSync(path);
  }
  const reader = new Socket({ fd: readFd, readable: true, writable: false });
  return { reader, writeFd, closeWriteEnd: () => closeSync(writeFd) };
}
