/** A whole terminal for a while: nothing of it is left in the scroll-back, and it is as it was before, however the command ends. */
import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_REST_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const DEFAULT_ROWS = 24;
const QUIT_KEYS = new Set(['q', 'Q', '\u0003', '\u0004']);

export class Screen {
  readonly #out: WriteStream;
  readonly #keys: ReadStream | undefined;
  readonly #ended = new AbortController();
  readonly #end = (): void => this.#ended.abort();
  readonly #key = (bytes: Buffer): void => {
    if (QUIT_KEYS.has(bytes.toString())) this.#end();
  };

  /** `keys`: where they are typed; undefined when that is no terminal. */
  constructor(out: WriteStream, keys: ReadStream | undefined) {
    this.#out = out;
    this.#keys = keys;
  }

  /** When the person wants to go: q, Ctrl-C, or a signal. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get rows(): number {
    return this.#out.rows || DEFAULT_ROWS;
  }

  open(): void {
    this.#out.write(ENTER);
    process.on('SIGINT', this.#end).on('SIGTERM', this.#end).on('SIGHUP', this.#end);
    this.#keys?.setRawMode(true).on('data', this.#key).resume();
  }

  /** Written over what was there: clearing first would flicker. */
  show(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows).map((line) => `${line}${CLEAR_REST_OF_LINE}`);
    this.#out.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#keys?.off('data', this.#key).setRawMode(false).pause();
    process.off('SIGINT', this.#end).off('SIGTERM', this.#end).off('SIGHUP', this.#end);
    this.#out.write(LEAVE);
  }
}
