/** How this command line talks to people, as its options say. Set once, before anything is said. */

export interface Manner {
  /** Nothing on standard error but warnings and errors. */
  readonly quiet: boolean;
  readonly color: boolean;
  /** Questions may be asked. */
  readonly input: boolean;
}

const PLAIN: Manner = { quiet: false, color: true, input: true };

export let manner: Manner = PLAIN;

export function setManner({ quiet = false, color = true, input = true }: Partial<Manner>): void {
  manner = { quiet, color, input };
}
