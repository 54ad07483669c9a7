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

type Kind = StateRecord['kind'];

/** By their kind, all of them: what is left out here is lost with the first restore. */
const KEPT: { readonly [K in Kind]: (state: ClusterState) => Iterable<Extract<StateRecord, { kind: K }>> } = {
  meta: ({ meta }) => [meta],
  pool: ({ pools }) => pools.values(),
  server: ({ servers }) => servers.values(),
  policy: ({ policies }) => policies.values(),
  run: ({ runs }) => runs.values(),
  request: ({ requests }) => requests.values(),
  hook: ({ hooks }) => hooks.values(),
  role: ({ access }) => access.roles.values(),
  token: ({ access }) => access.tokens.values(),
  user: ({ access }) => access.users.values(),
  join_token: ({ joinTokens }) => joinTokens.values(),
  revocation: ({ revocations }) => revocations.values(),
  authority: ({ authority }) => (authority === undefined ? [] : [authority]),
  event: ({ events }) => events,
  audit_head: (state) => usedLogs(state).map(({ headRecord }) => headRecord),
  audit: (state) =>
    usedLogs(state).flatMap((log) => Array.from(log.values(), (entry) => ({ kind: 'audit' as const, entry }))),
};

const usedLogs = ({ audit }: ClusterState) => Object.values(audit).filter(({ head }) => head.number > 0);

/** As there are now: those that come and go later are the business of the commits. */
const recordsOf = (state: ClusterState): readonly StateRecord[] =>
  Object.values(KEPT).flatMap((of): StateRecord[] => [...of(state)]);

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
