/**
 * The whole state of a leader: the records as the store has them or will have them, and what is known only while this
 * leader leads. Everything here is changed by the core alone, one event at a time.
 */

import type { AuditLogName } from '../../../shared/access/audit-chain.ts';
import { present } from '../../../shared/assert.ts';
import type { Epoch, PolicyId, PoolId, RunId, ServerId, SessionId, Uid } from '../../../shared/ids.ts';
import type { HeldCertificate } from '../../../shared/protocol/agent-message.ts';
import type { AttemptRef } from '../../../shared/protocol/attempt.ts';
import type { PlainMessage, StartCommand, Verdict } from '../../../shared/protocol/leader-message.ts';
import type { Workload } from '../../../shared/protocol/workload.ts';
import { HOUR, type Now } from '../../../shared/time.ts';
import { AccessBook } from '../indexes/access-book.ts';
import { AUDIT_KEPT, AuditChainLog } from '../indexes/audit-chain-log.ts';
import { EVENTS_KEPT, EventLog } from '../indexes/event-log.ts';
import { PlacementIndex } from '../indexes/placement-index.ts';
import { RunQueue } from '../indexes/queue.ts';
import { RequestLog } from '../indexes/request-log.ts';
import { Shares } from '../indexes/shares.ts';
import type { AuthorityRecord } from '../records/authority.ts';
import type { Requirement } from '../records/capability.ts';
import type { HookRecord } from '../records/hook-record.ts';
import type { JoinToken } from '../records/join-token.ts';
import type { Meta } from '../records/meta.ts';
import type { Revocation } from '../records/revocation.ts';
import type { Attempt, ConnId, Policy, Pool, Run, Server, StopReason } from '../records/state.ts';
import type { StoreDoubt } from './store-doubt.ts';

/** A command that waits until its commit is durable, its term checked and its turn come. */
export interface Waiting {
  readonly needCommit: number;
  readonly needCheck: number;
  readonly command:
    | { readonly kind: 'start'; readonly run: RunId; readonly epoch: Epoch; readonly message: StartMessage }
    | { readonly kind: 'stop'; readonly run: RunId; readonly epoch: Epoch; readonly reason: StopReason }
    | { readonly kind: 'ack'; readonly run: RunId; readonly epoch: Epoch }
    | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
    | { readonly kind: 'plain'; readonly message: PlainMessage };
}

/** A start without what is known only when it is handed over. */
export type StartMessage = Omit<StartCommand, 'kind' | 'commandId' | 'generation' | 'sequence' | 'workload'> & {
  readonly workload: Workload;
};

/** One unbroken agent stream whose Hello was accepted. */
export interface Session {
  readonly id: SessionId;
  readonly conn: ConnId;
  readonly server: ServerId;
  /** Where the agent lives; attempts of another place are not its own. */
  readonly serverUid: Uid;
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Receive time of the Hello. */
  readonly helloMono: number;
  /** The host's uptime shows that it booted after the last heartbeat received from it (semantics 11). */
  readonly bootedSince: boolean;
  /** OPENING: the Welcome waits for its commit and its check. */
  phase: 'OPENING' | 'OPEN';
  welcome: { readonly needCommit: number; readonly needCheck: number; readonly verdicts: readonly Verdict[] };
  /**
   * Version number of the set of attempts this session wants; each start, stop or verdict handed to the stream adds 1, and the Welcome's
   * verdicts make 1. A grant names the version whose attempts it prolongs (semantics C2).
   */
  generation: number;
  /** Newest heartbeat received; the Hello is 0. */
  receivedSequence: number;
  /** Newest heartbeat covered by a check of the term (semantics C1). */
  coveredSequence: number;
  /** Receive time of the newest granted heartbeat. */
  lastGrantMono: number;
  /** Commands that wait, starts apart: a start may wait for room, a stop never waits for a start. */
  readonly control: Waiting[];
  readonly starts: Waiting[];
  /** Commands handed over and not answered, by command id. */
  readonly unanswered: Map<
    number,
    { readonly kind: 'start' | 'stop'; readonly run: RunId; readonly epoch: Epoch; readonly bytes: number }
  >;
  unansweredBytes: number;
  fullStateAsked: boolean;
  /** What its Hello did not list though it might have: proven ended once the agent has taken the session (semantics C3a). */
  absent: readonly AttemptRef[];
}

/** What a leader knows of an attempt only while it leads. */
export interface AttemptLive {
  /** Newest receive time of a granted heartbeat whose generation has it, or the send time of its start. */
  lastGrantMono: number;
  /** The session whose grants prolong this attempt's lease; undefined once its stop was sent or the session ended. */
  prolongedBy: SessionId | undefined;
  /** Its start may have reached an agent: this leader sent it, or an earlier one may have. False is the only proof that nothing runs. */
  mayHaveBeenSent: boolean;
  /** Session and generation that first include its start. */
  startedIn: { readonly session: SessionId; readonly generation: number } | undefined;
  startSentMono: number | undefined;
  /** The stop was handed to the current session's stream. */
  stopSentIn: SessionId | undefined;
  /** When the agent of its place was last heard, once another place or boot answers under its server's name. Undefined: none does. */
  lastWordMono: number | undefined;
}

/** What is known of a server only while this leader leads. */
export interface ServerLive {
  session: Session | undefined;
  /** Receive time of the newest heartbeat of any session; T0 until there is one. */
  lastHeartbeatMono: number;
  lastHeartbeatWall: number | undefined;
  /** Since when its agent may be expected to keep to the pool's timers: silence before that is judged by nobody. */
  rhythmSinceMono: number;
  /** Newest grant of any session of the server; T0 until there is one. */
  lastGrantMono: number;
  /** A Hello was accepted in this term. */
  helloSeen: boolean;
  /** The newest boot whose uptime showed that it began after the last heartbeat received until then. */
  bootedSince: string | undefined;
  /** When a second agent of this name was last reported. */
  duplicateSeenMono: number | undefined;
  aliveSinceMono: number;
  /** The certificate that its agent has. Undefined: none, or it did not say to this leader. */
  certificate: HeldCertificate | undefined;
  /** Runs with an unended attempt here. */
  readonly runs: Set<RunId>;
  /** Runs with a reservation that names this server as target or source. */
  readonly reservations: Set<RunId>;
}

/** The mass-failure brake of a pool (semantics 12). */
export interface Storm {
  /** When servers turned SUSPECT, newest last. */
  suspects: { readonly server: ServerId; readonly mono: number }[];
  activeSinceMono: number | undefined;
  belowSinceMono: number | undefined;
}

export interface PoolLive {
  readonly index: PlacementIndex;
  /** Of the servers behind a closed gate: for policies that have no other eligible one. */
  readonly lastResort: PlacementIndex;
  /** Which these are. */
  readonly closed: Set<ServerId>;
  readonly queue: RunQueue;
  readonly storm: Storm;
  /** New servers since a time: counted only in a pool that has old ones. */
  newcomers: { readonly sinceMono: number; count: number };
  /** Servers that freed slots gather on for a run that was bypassed too long. */
  readonly claims: Map<ServerId, RunId>;
  /** Runs that want to move and wait for their turn. */
  readonly wantingMoves: Set<RunId>;
  /** Runs with a reservation: moves under way. */
  readonly moving: Set<RunId>;
  /** Servers that are being drained. */
  readonly draining: Set<ServerId>;
}

export interface PolicyLive {
  /** Those of its spec, parsed. */
  requirements: readonly Requirement[];
  /** Unended runs. */
  readonly runs: Set<RunId>;
  /** When its schedule fires next. */
  nextTickWall: number | undefined;
}

/** What is known of a run only while this leader leads. */
export interface RunLive {
  /** Since when its server lacks a required capability. */
  capabilityLostMono: number | undefined;
  /** Why a move that is wanted does not happen. */
  blockedReason: string | undefined;
}

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

/** So that 0, which stands for "never", is long ago from the first day on. */
const FIRST_AGE_MS = 1_000 * HOUR;

/** Counters of a store in which nothing is yet. `floor`: below the first number of its incarnation. */
export const newMeta = (floor: number): Meta => ({
  kind: 'meta',
  lastEpoch: floor,
  lastRun: 0,
  lastEvent: floor,
  lastEventBefore: 0,
  lastUid: floor,
  droppedEvent: 0,
  age: FIRST_AGE_MS,
});

type AgedState = Pick<ClusterState, 'electedAge' | 'electedMono'>;

/** The time that an age stands for, for people: what has been waited for since is what the clock of now says. */
export const wallAtAge = (state: AgedState, now: Now, age: number): number => now.wall + age - ageOf(state, now);

/**
 * The age of the cluster: how long leaders have counted, each by its own monotonic clock. Each commit writes it down, and the next
 * leader counts on from there. So a wait that is kept as an age takes, after a change of leader, what was left of it at the last
 * commit: never more than the whole, and whatever the wall clocks of the two say.
 */
export const ageOf = (state: AgedState, { mono }: Now): number =>
  state.electedAge + Math.floor(Math.max(0, mono - state.electedMono));

export const newPoolLive = (): PoolLive => ({
  index: new PlacementIndex(),
  lastResort: new PlacementIndex(),
  closed: new Set(),
  queue: new RunQueue(),
  storm: { suspects: [], activeSinceMono: undefined, belowSinceMono: undefined },
  newcomers: { sinceMono: Number.NEGATIVE_INFINITY, count: 0 },
  claims: new Map(),
  wantingMoves: new Set(),
  moving: new Set(),
  draining: new Set(),
});

export const newServerLive = (nowMono: number): ServerLive => ({
  ...{ session: undefined, lastHeartbeatWall: undefined },
  lastHeartbeatMono: nowMono,
  rhythmSinceMono: nowMono,
  lastGrantMono: nowMono,
  helloSeen: false,
  ...{ bootedSince: undefined, duplicateSeenMono: undefined, certificate: undefined },
  aliveSinceMono: nowMono,
  runs: new Set(),
  reservations: new Set(),
});

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
