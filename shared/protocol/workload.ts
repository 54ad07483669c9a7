/** What a policy runs. The cores only hand it on; the keeper starts it. */
export type Workload = {
  readonly env: Readonly<Record<string, string>>;
  /** Empty: a fresh folder of the run. */
  readonly workingDirectory: string;
  /** Empty: the keeper's user. */
  readonly user: string;
} & (
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'script'; readonly interpreter: readonly string[]; readonly text: string }
);
