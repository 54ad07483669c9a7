/** Where the audit is sent as it grows. */
import type { AuditEntry } from '../../shared/access/audit-chain.ts';
import type { AuditPosition } from './audit-position.ts';

export interface AuditSink {
  /** For people: `file /var/log/locum/audit.jsonl`. */
  readonly name: string;
  /** Whether every controller has one of its own, or only whoever leads sends. */
  readonly everywhere: boolean;
  /** Makes it ready, and answers what it has for certain. Called again after each failure. */
  begin(): Promise<AuditPosition>;
  /** Resolves once it has them all. Without entries: it may do what it has to do from time to time. */
  write(entries: readonly AuditEntry[]): Promise<void>;
}

export interface SinkStatus {
  readonly name: string;
  /** Entries that it does not have, of those that are known of. */
  readonly behind: number;
  /** How long it has been taking nothing though there is something, milliseconds. */
  readonly stuckMs: number;
  /** Why it could not take the last batch; undefined: it could, or has not answered. */
  readonly problem: string | undefined;
}
