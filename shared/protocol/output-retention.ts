/** How much of the output of its ended attempts a policy wants kept on a host. Undefined: as the agent is configured. */
export interface PolicyOutputRetention {
  /** Of all of them together. */
  readonly bytes?: number | undefined;
  /** From the end of an attempt. */
  readonly ageMs?: number | undefined;
}
