/**
 * What the store has acknowledged, for those who ask while it takes no writes. The leader's own state is ahead of it then, by what may
 * never become so; the store itself answers reads, and nothing in it changes meanwhile.
 */
import type { Now } from '../shared/time.ts';
import { decodeRecord } from './codec/record.ts';
import type { ClusterState } from './core/cluster.ts';
import { Core } from './core/core.ts';
import { createScheduleReader } from './schedules.ts';
import type { Store } from './store/store.ts';

/** A state for looking only. Rejects when the store can't be read. */
export async function acknowledgedState(
  store: Pick<Store, 'load'>,
  live: ClusterState,
  now: Now,
): Promise<ClusterState> {
  const { version, term, clusterId, incarnation, electedWall, electedMono } = live;
  const records = (await store.load()).records.map(({ key, value }) => decodeRecord(key, value));
  const core = new Core({ version, schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 });
  core.step({ kind: 'elected', term, clusterId, incarnation, firstOfIncarnation: false, records }, now);
  const { state } = core;
  // Taking over is an event of its own, which did not happen.
  state.events.length = records.filter(({ kind }) => kind === 'event').length;
  Object.assign(state, { electedWall, electedMono });
  // What agents say is no decision: it is shown as it is heard.
  for (const [id, serverLive] of live.serverLive) if (state.servers.has(id)) state.serverLive.set(id, serverLive);
  for (const [conn, session] of live.sessions) state.sessions.set(conn, session);
  return state;
}
