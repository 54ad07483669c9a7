/**
 * Cluster state: what the core owns and nobody else changes. Records (the durable part) are plain data; what a leader
 * knows only while it leads stands in `live` objects beside them. Times named `…Wall` are wall-clock milliseconds: for people and
 * for cron. Times named `…Mono` are monotonic milliseconds of this leader. Times named `…Age` are ages of the cluster: they measure
 * waits that outlive a leader. See docs/semantics.md for the words.
 */
import type { Epoch, PolicyId, PoolId, RunId, ServerId, Uid } from '../../../shared/ids.ts';
import type { FrozenTerms, OnDisconnect } from '../../../shared/protocol/attempt.ts';
import type { Capability, ProbeFailure } from '../../../shared/protocol/capability.ts';
import type { HealthCheck, ReportedHealth } from '../../../shared/protocol/health-check.ts';
import type { PolicyOutputRetention } from '../../../shared/protocol/output-retention.ts';
import type { Timers } from '../../../shared/protocol/timers.ts';
import type { Workload } from '../../../shared/protocol/workload.ts';
import type { AccessRecord } from './access-record.ts';
import type { AttemptState } from './attempt-state.ts';
import type { AuditHeadRecord, AuditRecord } from './audit-record.ts';
import type { AuthorityRecord } from './authority.ts';
import type { EarlierLife } from './earlier-attempt.ts';
import type { Cause } from './event-cause.ts';
import type { KnownEvent } from './event-type.ts';
import type { ServerGate } from './gate-record.ts';
import type { HookRecord } from './hook-record.ts';
import type { JoinToken } from './join-token.ts';
import type { Meta } from './meta.ts';
import type { Revocation } from './revocation.ts';
import type { EndStateName, InState, ReasonIn, RunState } from './run-state.ts';
import type { Skip } from './skip.ts';

export type Liveness = 'ALIVE' | 'SUSPECT' | 'MISSING' | 'LEFT';
export type Intent = 'ACTIVE' | 'CORDONED' | 'DRAINING';
export type ListMode = 'ONLY' | 'PREFER';
export type Failback = 'NEVER' | 'ON_NEXT_START' | 'AUTO' | 'MANUAL';
export type OnCapabilityLoss = 'MOVE' | 'IGNORE' | 'STOP';
export type OnRunMissing = 'NEXT' | 'IN_PLACE';

/** What every record has: `version` counts its changes and makes its etag. */
interface RecordBase {
  readonly version: number;
  readonly uid: Uid;
  readonly createWall: number;
  readonly updateWall: number;
}

export interface Pool extends RecordBase {
  readonly kind: 'pool';
  readonly id: PoolId;
  readonly timers: Timers;
  readonly defaultFailback: Failback;
  /** Slots of a server that has no limit of its own. */
  readonly defaultMaxSlots: number;
  /** Rank order; the first is the primary. */
  readonly order: readonly ServerId[];
  /** Counts changes of the order; makes its etag. */
  readonly orderVersion: number;
  /** No second storm before. 0: there was none lately. */
  readonly stormNotBeforeAge: number;
}

/** Where attempts live. Inventories prove something only about attempts started in the same place. */
export interface Place {
  readonly serverUid: Uid;
  readonly instanceId: string;
  readonly machineId: string;
}

export interface Drain {
  readonly startWall: number;
  /** Stops what is left at this time; undefined: never. */
  readonly deadlineWall: number | undefined;
  readonly deadlineAge: number | undefined;
  /** Runs of policies that are not continuous may finish here. */
  readonly letFinish: boolean;
  /** True once every attempt is proven ended. */
  readonly done: boolean;
}

export interface Server extends RecordBase {
  readonly kind: 'server';
  readonly id: ServerId;
  readonly pool: PoolId;
  /** Operator's limit; undefined: the pool's default. */
  readonly maxSlots: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly intent: Intent;
  readonly drain: Drain | undefined;
  readonly liveness: Liveness;
  readonly livenessSinceWall: number;
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly capabilities: readonly Capability[];
  /** Probes of its agent that fail, by name. */
  readonly probeFailures: readonly FailingProbe[];
  /** The agent's own limit; undefined: none. */
  readonly agentMaxSlots: number | undefined;
  readonly saturated: boolean;
  readonly gate: ServerGate;
  /** Newest incarnation in which it was known to hold nothing of an earlier life of the store; 0: none (semantics C9). */
  readonly settledIncarnation: number;
  /** What it may still hold of an earlier life; undefined: nothing. */
  readonly earlierLife: EarlierLife | undefined;
  readonly deleting: boolean;
}

export interface FailingProbe extends ProbeFailure {
  /** As it was heard. */
  readonly sinceWall: number;
}

export type Trigger =
  | { readonly kind: 'continuous' }
  | { readonly kind: 'on_demand' }
  | {
      readonly kind: 'schedule';
      readonly cron: string;
      readonly timeZone: string;
      readonly missed: 'SKIP' | 'ONCE';
      readonly overlap: 'SKIP' | 'QUEUE' | 'REPLACE';
    };

/** How much of what is over is kept of one policy. */
export interface Retention {
  /** Ended runs, the newest. */
  readonly endedRuns: number;
  /** Events about the policy and its runs, the newest; undefined: its share of the room for all events. */
  readonly events: number | undefined;
  /** Undefined: as the agents are configured. */
  readonly output?: PolicyOutputRetention | undefined;
}

/** When an ended run is started again. */
export interface RestartBudget {
  /** Failures within the window, on one server, after which the next one is tried. */
  readonly attempts: number;
  readonly windowMs: number;
  readonly delayMs: number;
  /** Failures on all servers together with which the run has FAILED; undefined: every server is tried. */
  readonly maxFailures: number | undefined;
}

export interface PolicyHealthCheck extends HealthCheck {
  /** How long a run may be unhealthy; undefined: as long as the pool's servers may be silent. */
  readonly missingAfterMs: number | undefined;
}

/** What a user writes of a policy; undefined fields take the pool's or the documented default. */
export interface PolicySpec {
  readonly pool: PoolId;
  readonly workload: Workload;
  readonly trigger: Trigger;
  /** Canonical texts; parsed forms are cached beside the record. */
  readonly requirements: readonly string[];
  readonly servers: readonly ServerId[];
  readonly listMode: ListMode;
  readonly slots: number;
  readonly priority: number;
  readonly maxConcurrentRuns: number;
  readonly onDisconnect: OnDisconnect;
  readonly stopTimeoutMs: number | undefined;
  /** How long an attempt may take; undefined: for ever. */
  readonly timeLimitMs: number | undefined;
  /** How it is told whether a run does its work; undefined: one that has a process does. */
  readonly healthCheck: PolicyHealthCheck | undefined;
  readonly restart: RestartBudget;
  readonly failback: Failback | undefined;
  readonly onCapabilityLoss: OnCapabilityLoss;
  readonly onRunMissing: OnRunMissing;
  readonly retention: Retention;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Policy extends RecordBase {
  readonly kind: 'policy';
  readonly id: PolicyId;
  readonly spec: PolicySpec;
  readonly paused: boolean;
  readonly deleting: boolean;
  /** When the schedule fired last; only later ticks fire. Undefined: it did not yet. */
  readonly lastTickWall: number | undefined;
  /** Times of the schedule left out, since it last made a run, because earlier runs had not ended. */
  readonly skippedTicks: number;
  /** A time of the schedule has come whose run waits for the end of an earlier one. */
  readonly owesRun: boolean;
  /** Only ticks after this fire: when the schedule was changed last. Undefined: when the policy was created. */
  readonly scheduledFromWall: number | undefined;
}

/** Why an attempt was made. */
export type AttemptCause = 'START' | 'RESTART' | 'RECOVERY' | 'MOVE' | 'FAILBACK' | 'DRAIN';

/** Why an attempt is stopped. */
export type StopReason =
  | 'OPERATOR' // StopRun, StopPolicy
  | 'RESTART' // RestartPolicy
  | 'MOVE' // MoveRun, order change
  | 'FAILBACK'
  | 'DRAIN'
  | 'DRAIN_DEADLINE'
  | 'CAPABILITY_LOST'
  | 'START_UNANSWERED'
  | 'UNHEALTHY'; // its health checks fail, for too long

/** What the health checks of an attempt say, and since when. */
export interface AttemptHealth extends ReportedHealth {
  readonly sinceWall: number;
  readonly sinceAge: number;
}

export interface Attempt {
  readonly epoch: Epoch;
  readonly server: ServerId;
  readonly place: Place;
  /** Boot of the host when it was assigned. */
  readonly bootId: string;
  readonly cause: AttemptCause;
  readonly terms: FrozenTerms;
  readonly state: AttemptState;
  readonly assignWall: number;
  readonly assignAge: number;
  /** Set once its stop is decided; never unset. */
  readonly stopReason: StopReason | undefined;
  /** OVERLAP only: a newer attempt was started without proof that this one ended. */
  readonly overlapped: boolean;
  /** Undefined: nothing is known of it. */
  readonly health: AttemptHealth | undefined;
}

/** Class of a queued run: RECOVERY before START before MOVE. */
export type QueueCause = 'RECOVERY' | 'START' | 'MOVE';

/** A slot kept on another server for a move, written before the stop. */
export interface Reservation {
  readonly server: ServerId;
  readonly from: ServerId;
  readonly cause: 'MOVE' | 'FAILBACK' | 'DRAIN';
  readonly sinceAge: number;
}

/** How a run ends, and why. */
export type RunOutcome = InState<EndStateName>;

export interface Run extends RecordBase {
  readonly kind: 'run';
  readonly id: RunId;
  readonly policy: PolicyId;
  readonly policyUid: Uid;
  readonly pool: PoolId;
  readonly desired: 'RUNNING' | 'STOPPED';
  readonly state: RunState;
  /** Of its current attempt; an edit of the policy holds from the next one on. */
  readonly slots: number;
  readonly priority: number;
  readonly arguments: readonly string[];
  /** Why it was created, and by whom. Undefined: it was written before that was kept. */
  readonly origin: { readonly cause: Cause; readonly creator: string } | undefined;
  /** When its process first ran, where the attempt that did is kept no longer. */
  readonly firstStartWall: number | undefined;
  /** Oldest first: all unended ones and the last 20 ended ones. */
  readonly attempts: readonly Attempt[];
  readonly attemptCount: number;
  /** Why it queues and since when; kept across re-queues until it runs. */
  readonly queueCause: QueueCause;
  readonly queueSinceWall: number;
  readonly queueSinceAge: number;
  /** Since when later runs are placed and it is not. 0: it was not passed over. */
  readonly passedOverSinceAge: number;
  /** Not placed before this time: delay between an end and a restart, or BACKOFF. */
  readonly notBeforeAge: number;
  /** LAPSED: this server first, if eligible. */
  readonly preferServer: ServerId | undefined;
  /** Cause of the next attempt. */
  readonly nextCause: AttemptCause;
  /** What became of its last attempt, and so why it is placed again. */
  readonly nextReason: ReasonIn<'QUEUED'>;
  readonly reservation: Reservation | undefined;
  /** A move that was decided and waits for its turn in the budget. */
  readonly wantedMove:
    | { readonly server: ServerId; readonly cause: 'MOVE' | 'FAILBACK'; readonly sinceAge: number }
    | undefined;
  /** How it ends once its last attempt is proven ended. */
  readonly outcome: RunOutcome | undefined;
  /** Failures inside the restart budget's windows. */
  readonly failures: readonly { readonly server: ServerId; readonly age: number }[];
  /** Servers where attempts came to nothing: one entry for each, forgotten half an hour after the last one. */
  readonly skips: readonly Skip[];
  /** BACKOFF rounds so far; sets the next delay. */
  readonly backoffRounds: number;
  /** Failures since it was created, on all servers together. */
  readonly failureCount: number;
  /** When it was last moved by choice, for the budget of moves. 0: never. */
  readonly lastMoveAge: number;
}

/** One line of the event log, written in the commit of the change it tells of. */
export interface EventRecord {
  readonly kind: 'event';
  readonly number: number;
  readonly wall: number;
  readonly type: KnownEvent;
  readonly cause: Cause;
  readonly actor: string;
  readonly message: string;
  readonly term: number;
  readonly pool?: PoolId;
  readonly server?: ServerId;
  readonly policy?: PolicyId;
  readonly run?: RunId;
  readonly epoch?: Epoch;
  readonly details?: Readonly<Record<string, string>>;
}

/** Outcome of a call with a request_id, in the same commit as its effect. Kept for one hour. */
export interface RequestRecord {
  readonly kind: 'request';
  readonly id: string;
  /** Who called, as it was said: its actor. */
  readonly client: string;
  readonly age: number;
  /** Method and arguments, hashed by the API. */
  readonly fingerprint: string;
  /** What the call answered about; the answer shows it as it is now. */
  readonly resource: string;
}

export type StateRecord =
  | Meta
  | Pool
  | Server
  | Policy
  | Run
  | EventRecord
  | RequestRecord
  | JoinToken
  | Revocation
  | AuthorityRecord
  | AuditRecord
  | AuditHeadRecord
  | AccessRecord
  | HookRecord;

/** Handle of one agent stream, given by the shell. */
export type ConnId = number;
