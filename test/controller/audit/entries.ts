/** Entries for tests: a chain of changes of pools. */
import { AUDIT_BEGIN, type AuditEntry, type AuditLogName, linkedEntry } from '../../../shared/access/audit-chain.ts';

/** As a leader writes them, from the first one on. */
export function chainOf(length: number, log: AuditLogName = 'CHANGES', principal = 'operator:ann'): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let n = 1; n <= length; n += 1) {
    const facts = {
      ...{ kind: log === 'CHANGES' ? 'CHANGE' : 'DENIAL', principal, method: 'locum.v1.PoolService/CreatePool' },
      ...{ resource: `pools/p${n}`, requestId: '', outcome: 'OK', source: '192.0.2.7' },
      ...{ count: 1, firstWall: 1_764_252_000_000 + n, lastWall: 1_764_252_000_000 + n },
    };
    const previous = entries.at(-1) ?? AUDIT_BEGIN;
    entries.push(linkedEntry(facts, { log, term: 1, incarnation: 1, previous }));
  }
  return entries;
}

/** `1, 2, …`. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
