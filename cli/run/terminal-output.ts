/**
 * Output of a policy on a terminal. Colours stay; what would move the cursor, set the clipboard (OSC 52) or answer back is escaped. A
 * pipe or a file gets the bytes as they are.
 */
import { printableColours } from '../../shared/printable.ts';

const ESCAPE = '\u001b';
/** The beginning of a sequence that only chooses colours, whose rest is in the next piece. */
const OPEN_SEQUENCE = new RegExp(`${ESCAPE}(\\[[0-9;:]*)?$`, 'u');
/** No colour takes more: what goes on is none. */
const OPEN_LIMIT = 64;

export class TerminalOutput {
  readonly #decoder = new TextDecoder();
  #held = '';

  /** What to show of the next piece; the end of it may come with the one after. */
  shown(bytes: Uint8Array): string {
    const text = this.#held + this.#decoder.decode(bytes, { stream: true });
    const open = OPEN_SEQUENCE.exec(text);
    const end = open !== null && text.length - open.index <= OPEN_LIMIT ? open.index : text.length;
    this.#held = text.slice(end);
    // A line that is written over itself, such as a progress bar, may be.
    return text.slice(0, end).split('\r').map(printableColours).join('\r');
  }
}
