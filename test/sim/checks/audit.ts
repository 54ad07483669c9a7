/** I10, of the audit: its chain is whole whatever became of leaders and stores, what was acknowledged is in it, and nothing twice. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { ChainVerifier } from '../../../shared/access/audit-chain.ts';
import type { World } from '../world.ts';

/** Calls that always change something. */
const ALWAYS: ReadonlySet<string> = new Set(['create_policy', 'start_policy']);

/** Complaints about the audit as the last leader has it. */
export function checkAudit({ operators, restoredAt }: World, { audit }: ClusterState): readonly string[] {
  const { dropped, head } = audit.CHANGES;
  const entries = audit.CHANGES.values();
  const verifier = new ChainVerifier('CHANGES', dropped);
  const faults = entries.flatMap((entry) => verifier.add(entry)?.message ?? []);
  if (verifier.last?.number !== head.number) faults.push(`the audit ends at ${head.number}, and its entries do not`);
  const requests = entries.flatMap(({ requestId }) => (requestId === '' ? [] : [requestId]));
  const known = new Set(requests);
  if (known.size < requests.length) faults.push(`a request has two entries of the audit: ${requests.join(' ')}`);
  // What was acknowledged before an older state was restored is undone with its entry.
  if (restoredAt !== undefined || dropped.number > 0) return faults;
  const missing = operators.acknowledged.filter(
    ({ requestId, request }) => ALWAYS.has(request.kind) && !known.has(requestId),
  );
  return [...faults, ...missing.map(({ requestId }) => `${requestId} was acknowledged and is not in the audit`)];
}
