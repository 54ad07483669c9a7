/** From etcd's events to changes of records. */
import { type Event, Event_EventType } from '../../../shared/gen/mvccpb/kv_pb.ts';
import type { Change, Write } from '../store.ts';
import type { Keys } from './keys.ts';

/** One change for each revision; events come in the order of their revisions, and whole. */
export function changesOf(keys: Keys, events: readonly Event[]): Change[] {
  const changes: Array<{ revision: number; writes: Write[] }> = [];
  for (const { type, kv } of events) {
    if (kv === undefined) continue;
    const revision = Number(kv.modRevision);
    const key = keys.recordOf(kv.key);
    const write: Write =
      type === Event_EventType.DELETE ? { kind: 'delete', key } : { kind: 'put', key, value: kv.value };
    const last = changes.at(-1);
    if (last?.revision === revision) last.writes.push(write);
    else changes.push({ revision, writes: [write] });
  }
  return changes;
}
