/**
 * What the store has acknowledged, for those who ask while it takes no writes. The leader's own state is ahead of it then, by what may
 * never become so; the store itself answers reads, and nothing in it changes meanwhile.
 */
import type { Now } from '../../shared/time.ts';
import { decodeRecord } from '../codec/record.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { stateOf } from '../core/load.ts';
import type { Store } from '../store/store.ts';
import { createScheduleReader } from './schedules.ts';

/** A state for looking only. Rejects when the store can't be read. */
export async function acknowledgedState(
  store: Pick<Store, 'load'>,
  live: ClusterState,
  now: Now,
): Promise<ClusterState> {
  const { version, keep, term, clusterId, incarnation, electedWall, electedMono, electedAge } = live;
  const { storeBehind, storeDoubt } = live;
  const records = (await store.load()).records.map(({ key, value }) => decodeRecord(key, value));
  const state = stateOf(
    { version, keep, schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 },
    { kind: 'elected', term, clusterId, incarnation, firstOfIncarnation: false, records },
    now,
  );
  Object.assign(state, { electedWall, electedMono, electedAge });
  // What agents say is no decision: it is shown as it is heard.
  Object.assign(state, { storeBehind, storeDoubt });
  for (const [id, serverLive] of live.serverLive) if (state.servers.has(id)) state.serverLive.set(id, serverLive);
  for (const [conn, session] of live.sessions) state.sessions.set(conn, session);
  return state;
}
