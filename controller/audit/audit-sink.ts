/** Where the audit is sent as it grows. */
import type { AuditEntry } from '../../shared/access/audit-chain.ts';
import type { FeedSink } from '../feeds/feed.ts';
import type { AuditPosition } from './audit-position.ts';

export interface AuditSink extends FeedSink<AuditEntry, AuditPosition> {
  /** Whether every controller has one of its own, or only whoever leads sends. */
  readonly everywhere: boolean;
}
