/** Where a capability comes from; a later one wins over an earlier one of the same name. */
export type CapabilitySource = 'FINGERPRINT' | 'PROBE' | 'CONFIG';

/** A probe of the agent's configuration that fails: what it would tell is not known now. */
export interface ProbeFailure {
  readonly probe: string;
  /** In words: `exited with 1`. Nothing that it printed, which may be a secret. */
  readonly detail: string;
}

/** A named, optionally versioned fact about a server. */
export interface Capability {
  /** `^[a-z][a-z0-9._-]{0,62}$`. */
  readonly name: string;
  /** Value or version; empty if the fact is simply present. */
  readonly value: string;
  readonly source: CapabilitySource;
}
