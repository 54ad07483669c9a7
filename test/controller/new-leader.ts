/** The state of a leader that was just elected on an empty store. */
import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import { Core } from '../../controller/core/core.ts';
import { encodeSnapshot } from '../../controller/snapshot/snapshot.ts';
import { copyInSlices } from '../../controller/snapshot/state-copy.ts';

export function stateOfNewLeader(): ClusterState {
  const core = new Core({
    version: 'test',
    verifyIntervalMs: 0,
    maxCommitsInFlight: 1,
    schedules: () => ({ kind: 'never' }),
  });
  const elected = { kind: 'elected', term: 1, clusterId: 'c-1', incarnation: 1, firstOfIncarnation: true } as const;
  core.step({ ...elected, records: [] }, { mono: 0, wall: 1_700_000_000_000 });
  return core.state;
}

/** A snapshot file of that state. */
export async function snapshotOfNewLeader(): Promise<Uint8Array> {
  return Buffer.concat(await encodeSnapshot(await copyInSlices(stateOfNewLeader()), 1));
}
