/** Reads the audit of a leader, from a position on, as it becomes durable. The chains themselves are the queue: a slow reader costs nothing. */
import { AUDIT_LOGS } from '../../shared/access/audit-chain.ts';
import type { LeaderTermView } from '../api/api-context.ts';
import { happens } from '../api/watch-resources.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { AuditNews, AuditPosition } from './audit-position.ts';

export interface AuditReading {
  readonly after: AuditPosition;
  /** Goes on with new entries. */
  readonly follow: boolean;
  /** Time between two looks at heads when nothing happens, milliseconds. */
  readonly bookmarkMs: number;
  readonly signal: AbortSignal;
}

/** Entries of each log that are looked up at a time. */
const CHUNK = 100;

/** Ends by itself only without `follow`. @throws LocumError NOT_LEADER: the term is over */
export async function* readAudit(
  leaderTerm: LeaderTermView,
  { after: begin, follow, bookmarkMs, signal }: AuditReading,
): AsyncGenerator<AuditNews> {
  const after = { ...begin };
  yield await leaderTerm.read(headsOf);
  while (!signal.aborted) {
    const changed = follow ? leaderTerm.hub.changed : undefined;
    const { entries, heads } = await leaderTerm.read((state) => ({
      entries: AUDIT_LOGS.flatMap((log) => state.audit[log].after(after[log], CHUNK)),
      heads: headsOf(state),
    }));
    for (const entry of entries) {
      after[entry.log] = entry.number;
      yield { kind: 'entry', entry };
    }
    if (entries.length > 0) continue;
    yield heads;
    if (changed === undefined) return;
    await happens(changed, bookmarkMs, signal);
    // Ends with the term.
    leaderTerm.hub.take(leaderTerm.hub.end, 0);
  }
}

const headsOf = ({ audit }: ClusterState): AuditNews => ({
  kind: 'heads',
  heads: AUDIT_LOGS.map((log) => audit[log].headRecord),
});
