/** How it is told whether an attempt does its work, as leader, agent and keeper speak of it. On the wire: `locum.v1.HealthCheck`. */

export type HealthProbe =
  /** A program in the place of the attempt. */
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  | {
      readonly kind: 'http';
      readonly host: string;
      readonly port: number;
      readonly path: string;
      readonly tls: boolean;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export interface HealthCheck {
  readonly probe: HealthProbe;
  /** From the end of one check to the begin of the next. */
  readonly intervalMs: number;
  /** A check that takes longer has failed. */
  readonly timeoutMs: number;
  /** Failures within this time from the start on do not count, unless a check succeeded before. */
  readonly graceMs: number;
  /** Checks that fail one after the other, with which the attempt is unhealthy. */
  readonly failures: number;
}

/** What the checks of an attempt say. */
export interface ReportedHealth {
  readonly state: 'HEALTHY' | 'UNHEALTHY';
  /** In words, what the check met that made it unhealthy; empty: it is not. */
  readonly detail: string;
}
