/**
 * The whole state of a leader: the records as the store has them or will have them, and what is known only while this
 * leader leads. Everything here is changed by the core alone, one event at a time.
 */

import type { AuditLogName } from '../../../shared/access/audit-chain.ts';
import { present } from '../../../shared/assert.ts';
import type { Epoch, PolicyId, PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import { AccessBook } from '../indexes/access-book.ts';
import { AUDIT_KEPT, AuditChainLog } from '../indexes/audit-chain-log.ts';
import { EVENTS_KEPT, EventLog } from '../indexes/event-log.ts';
import { RequestLog } from '../indexes/request-log.ts';
import { Shares } from '../indexes/shares.ts';
import type { AuthorityRecord } from '../records/authority.ts';
import type { HookRecord } from '../records/hook-record.ts';
import type { JoinToken } from '../records/join-token.ts';
import { type Meta, newMeta } from '../records/meta.ts';
import type { Revocation } from '../records/revocation.ts';
import type { Attempt, ConnId, Policy, Pool, Run, Server } from '../records/state.ts';
import type { AttemptLive, PolicyLive, PoolLive, RunLive, ServerLive } from './live.ts';
import type { Session } from './session.ts';
import type { StoreDoubt } from './store-doubt.ts';

export interface ClusterState {
  readonly keep: Keep;
  term: number;
  clusterId: string;
  incarnation: number;
  /** Servers that may still hold something of an earlier life of the store. */
  readonly unsettled: Set<ServerId>;
  version: string;
  electedMono: number;
  electedWall: number;
  /** Age of the cluster when this leader began. */
  electedAge: number;
  /** Nothing is started before this time (semantics C9). */
  noStartBeforeMono: number;
  /** No server is judged missing before this time (semantics C6). */
  judgeNotBeforeMono: number;
  /** An agent has seen more than the store knows: all starts wait for an operator (semantics C9). */
  storeBehind: string | undefined;
  /** Who said so, established servers only, and what. It ends with their words: `locum server revoke`. */
  readonly storeBehindBy: Map<ServerId, string>;
  /** A server that the store does not know has: starts wait for the leases of a lost history (semantics C9). */
  storeDoubt: (StoreDoubt & { readonly untilMono: number }) | undefined;
  /** How long after the election leases of a history that the store has lost could live, by the largest timers that it knows. */
  lostLeasesMs: number;
  meta: Meta;
  readonly pools: Map<PoolId, Pool>;
  readonly servers: Map<ServerId, Server>;
  readonly policies: Map<PolicyId, Policy>;
  readonly runs: Map<RunId, Run>;
  readonly events: EventLog;
  readonly requests: RequestLog;
  /** By id. */
  readonly joinTokens: Map<string, JoinToken>;
  readonly revocations: Map<ServerId, Revocation>;
  /** Undefined: it is as the files of the controllers have it. */
  authority: AuthorityRecord | undefined;
  /** By their names: how far each is. */
  readonly hooks: Map<string, HookRecord>;
  readonly audit: Readonly<Record<AuditLogName, AuditChainLog>>;
  readonly access: AccessBook;
  readonly poolLive: Map<PoolId, PoolLive>;
  readonly serverLive: Map<ServerId, ServerLive>;
  readonly policyLive: Map<PolicyId, PolicyLive>;
  readonly runLive: Map<RunId, RunLive>;
  readonly attemptLive: Map<Epoch, AttemptLive>;
  readonly sessions: Map<ConnId, Session>;
  /** Ended runs, oldest end first, of each uid of a policy; those of policies that are gone together. */
  readonly endedRuns: Shares<RunId>;
}

/** How much is kept of what is over. */
export interface Keep {
  /** Events over all, see EventLog. */
  readonly events: number;
  /** Ended runs over all; more, if otherwise a policy would keep less than 5. */
  readonly endedRuns: number;
  /** Outcomes of calls with a request_id over all clients; each is kept for its hour. */
  readonly requests: number;
  /** Entries of each log of the audit. */
  readonly audit: number;
}

export const DEFAULT_KEEP: Keep = { events: EVENTS_KEPT, endedRuns: 5_000, requests: 100_000, audit: AUDIT_KEPT };
/** What a policy keeps of its ended runs, whatever the others do. */
const ENDED_RUNS_EACH = 5;

export function emptyCluster(version: string, keep: Keep = DEFAULT_KEEP): ClusterState {
  return {
    keep,
    term: 0,
    clusterId: '',
    incarnation: 0,
    unsettled: new Set(),
    version,
    electedMono: 0,
    electedWall: 0,
    electedAge: 0,
    noStartBeforeMono: 0,
    judgeNotBeforeMono: 0,
    storeBehind: undefined,
    storeBehindBy: new Map(),
    storeDoubt: undefined,
    lostLeasesMs: 0,
    meta: newMeta(0),
    pools: new Map(),
    servers: new Map(),
    policies: new Map(),
    runs: new Map(),
    events: new EventLog(keep.events),
    requests: new RequestLog(keep.requests),
    joinTokens: new Map(),
    revocations: new Map(),
    authority: undefined,
    hooks: new Map(),
    audit: { CHANGES: new AuditChainLog('CHANGES', keep.audit), ACCESS: new AuditChainLog('ACCESS', keep.audit) },
    access: new AccessBook(),
    poolLive: new Map(),
    serverLive: new Map(),
    policyLive: new Map(),
    runLive: new Map(),
    attemptLive: new Map(),
    sessions: new Map(),
    endedRuns: new Shares({ total: keep.endedRuns, each: ENDED_RUNS_EACH }),
  };
}

export const poolOf = (state: ClusterState, id: PoolId): Pool => present(state.pools.get(id), `pool ${id} is known`);
export const poolLiveOf = (state: ClusterState, id: PoolId): PoolLive =>
  present(state.poolLive.get(id), `pool ${id} has a live part`);
export const serverOf = (state: ClusterState, id: ServerId): Server =>
  present(state.servers.get(id), `server ${id} is known`);
export const serverLiveOf = (state: ClusterState, id: ServerId): ServerLive =>
  present(state.serverLive.get(id), `server ${id} has a live part`);
export const policyLiveOf = (state: ClusterState, { id }: Pick<Policy, 'id'>): PolicyLive =>
  present(state.policyLive.get(id), `policy ${id} has a live part`);
export const runLiveOf = (state: ClusterState, id: RunId): RunLive => {
  let live = state.runLive.get(id);
  if (live === undefined) {
    live = { capabilityLostMono: undefined, blockedReason: undefined };
    state.runLive.set(id, live);
  }
  return live;
};
export const attemptLiveOf = (state: ClusterState, attempt: Attempt): AttemptLive =>
  present(state.attemptLive.get(attempt.epoch), `attempt ${attempt.epoch} has a live part`);
