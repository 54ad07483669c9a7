/** Who leads, seen from outside: the leader key now, and its changes. */
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { Event_EventType, type KeyValue } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { type LeaderSeen, StoreError } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { termOf } from './election.ts';
import { decode, encode, type Keys } from './keys.ts';
import { watchRange } from './watch-range.ts';

/** How long a question about the leader goes on trying: whoever asks wants to know soon that there is no answer. */
const ASK_MS = 1_500;

export interface LeaderKey {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly incarnation: number;
}

interface Look {
  readonly leader: LeaderSeen | undefined;
  readonly revision: bigint;
}

/** Rejects with an EtcdFault. */
export async function readLeader(of: LeaderKey, withinMs: number = ASK_MS): Promise<Look> {
  const { client, keys } = of;
  const { kvs, header } = await client.read(KV.method.range, { key: keys.leader }, { withinMs });
  return { leader: seen(of, kvs[0]), revision: header?.revision ?? 0n };
}

/** Ends when the signal aborts. Throws what no other try would mend. */
export async function* watchLeader(of: LeaderKey, signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
  while (!signal.aborted) {
    const { leader, revision } = await readLeader(of, Infinity);
    yield leader;
    const range = { key: of.keys.leader, rangeEnd: encode('') };
    try {
      for await (const events of watchRange(of.client, range, revision + 1n, signal)) {
        const last = events.at(-1);
        yield last?.type === Event_EventType.DELETE ? undefined : seen(of, last?.kv);
      }
    } catch (error) {
      // What happened meanwhile can't be told any more; what is now, can.
      if (!(error instanceof StoreError) || error.reason !== 'COMPACTED') throw error;
    }
  }
}

function seen({ incarnation }: LeaderKey, key: KeyValue | undefined): LeaderSeen | undefined {
  if (key === undefined) return undefined;
  return { term: termOf(incarnation, key.createRevision), candidate: decode(key.value) };
}
