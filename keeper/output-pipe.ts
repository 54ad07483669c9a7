/**
 * Pipes for the output of workloads. Node's own are sockets, which a workload can't open again as `/dev/stdout` or `/dev/stderr`;
 * a named pipe that is opened at both ends and then unlinked is a true one.
 */
import { execFile } from 'node:child_process';
import { close, constants, open } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Pipes made ahead by one `mkfifo`: it takes longer than the rest of a start. */
const BATCH = 8;

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
  private readonly directory: string;
  private readonly ready: string[] = [];
  private making: Promise<void> | undefined;
  private made = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Takes away what an earlier keeper left and makes the first batch. Rejects where `mkfifo` does not work. */
  async prepare(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await this.makeBatch();
  }

  /** Takes away the pipes that nobody took. */
  async close(): Promise<void> {
    await this.making?.catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }

  async take(): Promise<OutputPipe> {
    while (this.ready.length === 0) await this.makeBatch();
    const path = this.ready.shift();
    if (this.ready.length < BATCH / 2) void this.makeBatch().catch(() => undefined);
    return path === undefined ? this.take() : openPipe(path);
  }

  /** One at a time, for all who wait. */
  private makeBatch(): Promise<void> {
    this.making ??= this.make().finally(() => {
      this.making = undefined;
    });
    return this.making;
  }

  private async make(): Promise<void> {
    const paths = Array.from({ length: BATCH }, () => {
      this.made += 1;
      return join(this.directory, String(this.made));
    });
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths]);
    this.ready.push(...paths);
  }
}

async function openPipe(path: string): Promise<OutputPipe> {
  const openFd = promisify(open);
  // Reading end first and without waiting: then the writing end opens at once, and stays a blocking one, as programs expect.
  const readFd = await openFd(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = await openFd(path, constants.O_WRONLY);
  await rm(path);
  const reader = new Socket({ fd: readFd, readable: true, writable: false });
  return { reader, writeFd, closeWriteEnd: () => close(writeFd) };
}
