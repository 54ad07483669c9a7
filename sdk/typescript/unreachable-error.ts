/** No controller was there to ask. Nothing of the call has happened. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly addresses: readonly string[];
  /** `NO_TLS`: TLS was spoken to somebody who speaks none. Undefined: nobody listens, or the connection was refused. */
  readonly reason: 'NO_TLS' | undefined;

  /** `why`: what the connection to the last of them said. */
  constructor(addresses: readonly string[], why: string, cause?: unknown, reason?: 'NO_TLS') {
    super(
      addresses.length === 0
        ? 'no address of a controller is given'
        : `can't reach a controller at ${addresses.join(', ')}: ${why}`,
      { cause },
    );
    this.addresses = addresses;
    this.reason = reason;
  }
}
