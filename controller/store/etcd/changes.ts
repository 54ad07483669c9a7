/** From etcd's events to the commits that they are. */
import { type Event, Event_EventType } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { type Change, StoreError, type Write } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault } from './fault.ts';
import { type EtcdHead, isStaged, type Keys, parseHead } from './keys.ts';
import { readStaged } from './staged.ts';

interface Revision {
  readonly revision: bigint;
  /** The head that was put with it, if one was. */
  head: EtcdHead | undefined;
  readonly writes: Write[];
}

/**
 * One change for each commit, whole, at the revision of its own transaction. That is the one that moved the head; what else happens to
 * records is the unfolding of a commit that was told of already. Events come in the order of their revisions, and whole revisions.
 * Rejects with an EtcdFault, or a StoreError `COMPACTED`.
 */
export async function* commitsOf(
  client: EtcdClient,
  keys: Keys,
  events: readonly Event[],
): AsyncGenerator<Change, void> {
  for (const { revision, head, writes } of revisionsOf(keys, events)) {
    if (head === undefined || head.form === 'unfolded' || head.number === 0) continue;
    if (isStaged(head)) yield { revision: Number(revision), writes: await stagedAt(client, keys, head, revision) };
    else yield { revision: Number(revision), writes };
  }
}

function revisionsOf(keys: Keys, events: readonly Event[]): readonly Revision[] {
  const revisions: Revision[] = [];
  for (const { type, kv } of events) {
    if (kv === undefined) continue;
    let last = revisions.at(-1);
    if (last?.revision !== kv.modRevision) {
      last = { revision: kv.modRevision, head: undefined, writes: [] };
      revisions.push(last);
    }
    const key = keys.recordOf(kv.key);
    if (key !== undefined) {
      const isDeleted = type === Event_EventType.DELETE;
      last.writes.push(isDeleted ? { kind: 'delete', key } : { kind: 'put', key, value: kv.value });
    } else if (type === Event_EventType.PUT && keys.isHead(kv.key)) {
      last.head = parseHead(kv.value);
    }
  }
  return revisions;
}

async function stagedAt(...[client, keys, head, revision]: Parameters<typeof readStaged>): Promise<Write[]> {
  try {
    return await readStaged(client, keys, head, revision);
  } catch (error) {
    if (!(error instanceof EtcdFault) || error.kind !== 'compacted') throw error;
    const message = `Changes after revision ${revision - 1n} are no longer kept: load again.`;
    throw new StoreError('COMPACTED', message, { cause: error });
  }
}
