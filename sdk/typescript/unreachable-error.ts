/** No controller was there to ask. Nothing of the call has happened. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly addresses: readonly string[];

  /** `why`: what the connection to the last of them said. */
  constructor(addresses: readonly string[], why: string, cause?: unknown) {
    super(
      addresses.length === 0
        ? 'no address of a controller is given'
        : `can't reach a controller at ${addresses.join(', ')}: ${why}`,
      { cause },
    );
    this.addresses = addresses;
  }
}
