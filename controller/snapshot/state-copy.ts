/**
 * A copy of all records, as they are in the store after one commit. The records of a leader are live objects, and encoding 30,000 of them
 * in one step keeps every agent waiting; so they are encoded in slices, and what was committed meanwhile takes the place of what was
 * encoded before it. In the end nothing is left of the moments in between.
 * Source: the fuzzy checkpoint of Mohan et al., "ARIES", 1992, section 5.4.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { encodeRecord } from '../codec/record.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { recordKey } from '../core/records/keys.ts';
import type { StateRecord } from '../core/records/state.ts';
import type { Write } from '../store/store.ts';

/** All records, and whose they are. */
export interface StateCopy extends Pick<ClusterState, 'clusterId' | 'incarnation' | 'term' | 'version'> {
  /** Encoded, by key. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** What is encoded in one step: a few milliseconds, whichever bound comes first. */
const SLICE_RECORDS = 250;
const SLICE_BYTES = 1024 * 1024;

/** Encodes everything, with a turn for everybody else between two slices: of one moment only if nothing changes meanwhile. */
export async function copyInSlices(state: ClusterState): Promise<StateCopy> {
  const { clusterId, incarnation, term, version } = state;
  const encoded = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const record of recordsOf(state)) {
    const value = encodeRecord(record);
    encoded.set(recordKey(record), value);
    bytes += value.length;
    if (encoded.size % SLICE_RECORDS !== 0 && bytes < SLICE_BYTES) continue;
    bytes = 0;
    await turn();
  }
  return { clusterId, incarnation, term, version, records: encoded };
}

/** As there are now: those that come and go later are the business of the commits. */
function recordsOf(state: ClusterState): readonly StateRecord[] {
  const { meta, pools, servers, policies, runs, requests, hooks, events, audit, access } = state;
  const records: StateRecord[] = [meta];
  for (const map of [pools, servers, policies, runs, requests, hooks, access.roles, access.tokens, access.users])
    for (const record of map.values()) records.push(record);
  for (const event of events) records.push(event);
  for (const log of Object.values(audit)) {
    if (log.head.number === 0) continue;
    records.push(log.headRecord);
    for (const entry of log.values()) records.push({ kind: 'audit', entry });
  }
  return records;
}

/** Commits that came while a copy was made. */
export class CopyUnderWay {
  /** Undefined: deleted. */
  readonly #later = new Map<string, Uint8Array | undefined>();

  committed(writes: readonly Write[]): void {
    for (const write of writes) this.#later.set(write.key, write.kind === 'put' ? write.value : undefined);
  }

  /** Everything as it is after the newest of these commits. */
  over(copy: StateCopy): StateCopy {
    const records = new Map(copy.records);
    for (const [key, value] of this.#later) {
      if (value === undefined) records.delete(key);
      else records.set(key, value);
    }
    return { ...copy, records };
  }
}
