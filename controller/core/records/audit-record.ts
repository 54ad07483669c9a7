/** The audit in the store: its entries, and where each of its chains stands. */
import type { AuditEntry, AuditHead } from '../../../shared/access/audit-chain.ts';

/** An entry, written in the commit of what it tells of. Never changed. */
export interface AuditRecord {
  readonly kind: 'audit';
  readonly entry: AuditEntry;
}

/** Where a chain stands, and where what is kept of it begins. */
export interface AuditHeadRecord extends AuditHead {
  readonly kind: 'audit_head';
}
