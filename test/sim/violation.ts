/** A broken promise, found from outside. */
export type Invariant =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  /** Who gets in, and with what: certificates, roles. */
  | 'IDENTITY'
  /** An assertion inside of a core. */
  | 'ASSERT'
  /** What a transcript of test/scenarios tells came out differently. */
  | 'TRANSCRIPT';

export interface Violation {
  readonly invariant: Invariant;
  /** True time, milliseconds since the world began. */
  readonly at: number;
  readonly message: string;
}

/** Collects what was broken: the first of each kind. */
export class Verdict {
  readonly found: Violation[] = [];
  /** Told of the first of each kind. */
  onViolation: (violation: Violation) => void = () => {};

  breaks(invariant: Invariant, at: number, message: string): void {
    if (this.found.some((one) => one.invariant === invariant)) return;
    const violation = { invariant, at, message };
    this.found.push(violation);
    this.onViolation(violation);
  }
}
