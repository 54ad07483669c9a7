/**
 * Where lines of a log go. Saying something never throws and never waits: what the other side does not take is kept up to a bound, then
 * dropped and counted, and the count is said once it takes something again.
 */
import { write, writeSync } from 'node:fs';

/** Bytes that wait while nobody reads. */
const BUFFER_LIMIT_BYTES = 1024 * 1024;

export interface LogOutput {
  write(line: string): void;
}

let stderr: DescriptorOutput | undefined;

/** Standard error, one for all loggers of this process: their lines keep their order and their bound. */
export function stderrOutput(): LogOutput {
  stderr ??= new DescriptorOutput(2);
  return stderr;
}

export class DescriptorOutput implements LogOutput {
  readonly #fd: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #isWriting = false;

  constructor(fd: number) {
    this.#fd = fd;
    // What is said last must get out, but not to a reader that has stopped taking anything: that would keep us from ending.
    process.on('exit', () => this.#writeLast());
  }

  /** Lines that were lost and not told of yet. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#waitingBytes + line.length > BUFFER_LIMIT_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#next();
  }

  #take(): string {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingBytes = 0;
    return text;
  }

  /** One write at a time: one that stalls holds one thread of the pool and no more. */
  #next(): void {
    if (this.#isWriting || this.#waiting.length === 0) return;
    this.#isWriting = true;
    const lines = this.#waiting.length;
    this.#writeAll(Buffer.from(this.#take()), lines);
  }

  #writeAll(text: Buffer, lines: number): void {
    write(this.#fd, text, (error, written) => {
      if (error === null && written < text.length) {
        this.#writeAll(text.subarray(written), lines);
        return;
      }
      this.#isWriting = false;
      if (error?.code === 'EAGAIN') {
        this.#waiting.unshift(text.toString());
        this.#waitingBytes += text.length;
        setTimeout(() => this.#next(), 100).unref();
        return;
      }
      if (error !== null) this.#dropped += lines;
      else if (this.#dropped > 0) this.#sayDropped();
      this.#next();
    });
  }

  #sayDropped(): void {
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      pid: process.pid,
      msg: `${this.#dropped} lines of the log were lost`,
    };
    this.#dropped = 0;
    this.write(`${JSON.stringify(line)}\n`);
  }

  #writeLast(): void {
    if (this.#isWriting) return;
    try {
      writeSync(this.#fd, this.#take());
    } catch {
      // Nobody can be told.
    }
  }
}
