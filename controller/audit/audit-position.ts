/** How far somebody has read the audit. */
import type { AuditEntry, AuditHead, AuditLogName } from '../../shared/access/audit-chain.ts';

/** Numbers of the newest entries that somebody has. */
export type AuditPosition = Readonly<Record<AuditLogName, number>>;

export const AUDIT_START: AuditPosition = { CHANGES: 0, ACCESS: 0 };

/** The position behind these entries. */
export function positionAfter(position: AuditPosition, entries: readonly AuditEntry[]): AuditPosition {
  const after = { ...position };
  for (const { log, number } of entries) after[log] = Math.max(after[log], number);
  return after;
}

/** The next entry, or where both logs stand: at first, and whenever everything up to there was given. */
export type AuditNews =
  | { readonly kind: 'entry'; readonly entry: AuditEntry }
  | { readonly kind: 'heads'; readonly heads: readonly AuditHead[] };
