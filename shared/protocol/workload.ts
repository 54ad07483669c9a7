/** Where the value of an environment variable is, on the host that the workload runs on. */
export type ValueSource =
  /** A file in one of the agent's folders of secrets. */
  | { readonly kind: 'file'; readonly path: string }
  /** An environment variable of the agent. */
  | { readonly kind: 'agent_env'; readonly name: string };

/** What all processes of an attempt together may take of their host. Undefined: whatever is there. */
export interface ResourceLimits {
  readonly memoryBytes?: number | undefined;
  /** Cores, in thousandths. */
  readonly cpu?: number | undefined;
  /** Processes and threads. */
  readonly pids?: number | undefined;
}

/** What a policy runs. The cores only hand it on; the keeper starts it. */
export type Workload = {
  readonly env: Readonly<Record<string, string>>;
  /** Variables whose values are secrets of the host; only where they are is known. Undefined: none. */
  readonly envFrom?: Readonly<Record<string, ValueSource>> | undefined;
  /** Empty: a fresh folder of the run. */
  readonly workingDirectory: string;
  /** Empty: the keeper's user. */
  readonly user: string;
  /** Undefined: nothing is limited. */
  readonly resources?: ResourceLimits | undefined;
} & (
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'script'; readonly interpreter: readonly string[]; readonly text: string }
);
