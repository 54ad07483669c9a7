/** What the audience sees: acts, what was promised and whether it happened, and the decisions with their reasons. */

import { timestampMs } from '@bufbuild/protobuf/wkt';
import { styled } from '../cli/output/style.ts';
import type { Event } from '../shared/gen/locum/v1/event_pb.ts';
import { SECOND } from '../shared/time.ts';

export class Timeline {
  readonly #startWallMs = Date.now();
  #kept = 0;
  readonly #broken: string[] = [];

  /** Promises that were kept. */
  get kept(): number {
    return this.#kept;
  }

  /** Promises that were not. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  act(title: string): void {
    console.log(`\n${styled('strong', title)}`);
  }

  /** Something done by the demo itself. */
  done(text: string, wallMs = Date.now()): void {
    console.log(`${this.#time(wallMs)}  ▶ ${text}`);
  }

  text(text: string): void {
    for (const line of text.split('\n')) console.log(`             ${line}`);
  }

  /** A decision of the controller, with its reason. */
  decision(event: Event): void {
    const wallMs = event.time === undefined ? this.#startWallMs : timestampMs(event.time);
    console.log(`${this.#time(wallMs)}    ${event.message} ${styled('dim', `[${event.type}, ${event.cause}]`)}`);
  }

  /** Something that Locum promises. `figures` is what was measured. */
  promise(text: string, isKept: boolean, figures = ''): void {
    const mark = isKept ? styled('good', '✓') : styled('bad', '✗ NOT');
    console.log(`           ${mark} ${text}${figures === '' ? '' : ` (${figures})`}`);
    if (isKept) this.#kept += 1;
    else this.#broken.push(text);
  }

  #time(wallMs: number): string {
    return styled('dim', `${((wallMs - this.#startWallMs) / SECOND).toFixed(3)} s`.padStart(10));
  }
}
