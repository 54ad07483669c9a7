/** What is known of each record only while this leader leads: no store has it, and the next leader learns it anew. */
import type { RunId, ServerId, SessionId } from '../../../shared/ids.ts';
import type { HeldCertificate } from '../../../shared/protocol/agent-message.ts';
import { PlacementIndex } from '../indexes/placement-index.ts';
import { RunQueue } from '../indexes/queue.ts';
import type { Requirement } from '../records/capability.ts';
import type { Session } from './session.ts';

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
