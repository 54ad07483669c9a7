/** Everything that can happen to the core. The shell decodes into these and nothing else reaches the core. */
import type { LocumError } from '../../../shared/errors.ts';
import type { HostProblem, HostProblemKind } from '../../../shared/host-problem.ts';
import type { Epoch, PolicyId, PoolId, RunId, ServerId, Uid } from '../../../shared/ids.ts';
import type { Capability } from '../records/capability.ts';
import type { CauseOf } from '../records/event-type.ts';
import type {
  AttemptState,
  ConnId,
  EndCause,
  Failback,
  Policy,
  PolicySpec,
  Pool,
  Run,
  Server,
  StateRecord,
} from '../records/state.ts';
import type { Timers } from '../records/timers.ts';

/** An attempt as an agent lists it. */
export interface ReportedAttempt {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly epoch: Epoch;
  readonly state: AttemptState;
  readonly pid: number;
  readonly startWall: number | undefined;
  readonly endWall: number | undefined;
  readonly end:
    | {
        readonly cause: EndCause;
        readonly exitCode: number | undefined;
        readonly signal: string;
        readonly detail: string;
        /** The problem of the host for which its start was refused. */
        readonly hostProblem?: HostProblemKind | undefined;
      }
    | undefined;
}

export interface ReportedCapacity {
  readonly maxSlots: number | undefined;
  readonly saturated: boolean;
}

/** A Hello, put together from its parts. */
export interface HelloFacts {
  readonly server: ServerId;
  readonly pool: PoolId;
  /** Uid that the agent was given earlier; undefined: none. */
  readonly uid: Uid | undefined;
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly uptimeMs: number;
  readonly agentVersion: string;
  readonly capabilities: readonly Capability[];
  readonly capacity: ReportedCapacity;
  readonly inventory: readonly ReportedAttempt[];
  readonly highestTerm: number;
  readonly highestEpoch: number;
  /** Empty: the agent holds no work of any cluster. */
  readonly clusterId: string;
  /** What the host says keeps every start from succeeding. Empty: nothing. Undefined: this agent never says. */
  readonly hostProblems?: readonly HostProblem[] | undefined;
}

export type CommandOutcome = 'APPLIED' | 'ALREADY_APPLIED' | 'REFUSED' | 'EXPIRED' | 'STALE';

/** What an agent says on an open stream. */
export type FromAgent =
  | { readonly kind: 'hello'; readonly conn: ConnId; readonly hello: HelloFacts }
  | {
      readonly kind: 'heartbeat';
      readonly conn: ConnId;
      readonly sequence: number;
      readonly generation: number;
      readonly capacity: ReportedCapacity | undefined;
      readonly capabilities: readonly Capability[] | undefined;
      /** All of them, when any came or went. Undefined: unchanged. */
      readonly hostProblems?: readonly HostProblem[] | undefined;
    }
  | { readonly kind: 'report'; readonly conn: ConnId; readonly attempts: readonly ReportedAttempt[] }
  | {
      readonly kind: 'command_result';
      readonly conn: ConnId;
      readonly commandId: number;
      readonly outcome: CommandOutcome;
      readonly reason: string;
      readonly detail: string;
      readonly pid: number;
      /** Of a refusal: the problem of the host that is its reason. Undefined: the host is not to blame. */
      readonly hostProblem?: HostProblemKind | undefined;
    }
  | {
      readonly kind: 'full_state';
      readonly conn: ConnId;
      readonly generation: number;
      readonly inventory: readonly ReportedAttempt[];
    }
  | {
      readonly kind: 'goodbye';
      readonly conn: ConnId;
      readonly attempts: readonly ReportedAttempt[];
      readonly reason: CauseOf<'SERVER_LEFT'>;
    }
  | { readonly kind: 'stream_closed'; readonly conn: ConnId };

/** Fields of a policy to change; absent keys stay. */
export type PolicyPatch = { readonly [K in keyof PolicySpec]?: PolicySpec[K] | undefined };

export type Apply = 'NEW_ONLY' | 'MOVE_NOW';

/** An administrator's call, validated for form by the API; the core judges it against the state. */
export type Call =
  | {
      readonly kind: 'create_pool';
      readonly pool: PoolId;
      readonly timers: Partial<Timers>;
      readonly defaultFailback: Failback | undefined;
      readonly defaultMaxSlots: number | undefined;
    }
  | {
      readonly kind: 'update_pool';
      readonly pool: PoolId;
      readonly etag: string;
      /** Timers to change; undefined: none. */
      readonly timers: Partial<Timers> | undefined;
      readonly defaultFailback: Failback | undefined;
      readonly defaultMaxSlots: number | undefined;
    }
  | { readonly kind: 'delete_pool'; readonly pool: PoolId; readonly etag: string }
  | {
      readonly kind: 'set_order';
      readonly pool: PoolId;
      readonly servers: readonly ServerId[];
      readonly etag: string;
      readonly apply: Apply;
    }
  | {
      readonly kind: 'move_server';
      readonly server: ServerId;
      readonly to:
        | { readonly kind: 'rank'; readonly rank: number }
        | { readonly kind: 'before'; readonly server: ServerId }
        | { readonly kind: 'after'; readonly server: ServerId }
        | { readonly kind: 'promote' }
        | { readonly kind: 'demote' }
        | { readonly kind: 'primary' };
      readonly etag: string;
      readonly apply: Apply;
    }
  | {
      readonly kind: 'update_server';
      readonly server: ServerId;
      readonly etag: string;
      /** `undefined` inside: back to the pool's default. */
      readonly maxSlots: { readonly value: number | undefined } | undefined;
      readonly labels: Readonly<Record<string, string>> | undefined;
    }
  | { readonly kind: 'delete_server'; readonly server: ServerId; readonly etag: string }
  | { readonly kind: 'cordon_server'; readonly server: ServerId }
  | { readonly kind: 'uncordon_server'; readonly server: ServerId }
  | { readonly kind: 'drain_server'; readonly server: ServerId; readonly deadlineMs: number | undefined }
  | {
      readonly kind: 'confirm_server_dead';
      readonly server: ServerId;
      readonly uid: string;
      readonly bootId: string;
      readonly epochs: readonly number[];
      readonly reason: string;
    }
  | {
      readonly kind: 'create_policy';
      readonly policy: PolicyId;
      readonly spec: PolicySpec;
    }
  | {
      readonly kind: 'update_policy';
      readonly policy: PolicyId;
      readonly etag: string;
      readonly patch: PolicyPatch;
      /** Creates it with this spec where it does not exist. */
      readonly createAs: PolicySpec | undefined;
    }
  | { readonly kind: 'delete_policy'; readonly policy: PolicyId; readonly etag: string }
  | { readonly kind: 'start_policy'; readonly policy: PolicyId; readonly arguments: readonly string[] }
  | { readonly kind: 'stop_policy'; readonly policy: PolicyId }
  | { readonly kind: 'restart_policy'; readonly policy: PolicyId }
  | { readonly kind: 'pause_policy'; readonly policy: PolicyId }
  | { readonly kind: 'resume_policy'; readonly policy: PolicyId }
  | { readonly kind: 'move_run'; readonly run: RunId; readonly server: ServerId | undefined }
  | { readonly kind: 'stop_run'; readonly run: RunId }
  | { readonly kind: 'release_run'; readonly run: RunId; readonly abandonAttempt: boolean; readonly reason: string }
  | { readonly kind: 'proceed_takeovers'; readonly pool: PoolId };

/** Handle of one API call, given by the shell; the core answers each exactly once. */
export type CallId = number;

export interface AdminCall {
  readonly kind: 'call';
  readonly call: CallId;
  /** Who asks, for the event log: `operator:alice`. */
  readonly actor: string;
  /** Empty: none. */
  readonly requestId: string;
  /** Hash of method and arguments: the same request_id with another one is refused. */
  readonly fingerprint: string;
  readonly validateOnly: boolean;
  readonly request: Call;
}

export interface PlannedMove {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly from: ServerId;
  readonly to: ServerId;
}

export interface PlannedStay {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly server: ServerId;
  readonly reason: string;
}

export interface MovePlan {
  readonly moves: readonly PlannedMove[];
  readonly stays: readonly PlannedStay[];
}

/** What a change of a policy does to one of its runs, or (`run` undefined) to runs that are not there yet. */
export interface RunEffect {
  readonly run: RunId | undefined;
  readonly effect: 'START' | 'STOP' | 'MOVE' | 'KEEP';
  readonly message: string;
}

/** What a call answers with: copies, so that nothing decided later shows through. */
export type CallValue =
  | { readonly kind: 'pool'; readonly pool: Pool }
  | { readonly kind: 'order'; readonly pool: Pool; readonly plan: MovePlan }
  | {
      readonly kind: 'server';
      readonly server: Server;
      readonly plan: MovePlan;
      readonly runs: readonly RunId[];
    }
  | {
      readonly kind: 'policy';
      readonly policy: Policy;
      readonly warnings: readonly string[];
      /** Of an update: undefined where the policy did not exist. */
      readonly before?: PolicySpec | undefined;
      readonly effects?: readonly RunEffect[];
    }
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'runs'; readonly runs: readonly RunId[] }
  | { readonly kind: 'gone'; readonly name: string };

export type CallResult =
  | { readonly ok: true; readonly value: CallValue }
  | { readonly ok: false; readonly error: LocumError };

/** What the shell tells the core about itself and the store. */
export type FromShell =
  /** This controller leads: everything is loaded. T0 of semantics C5 is the `now` of this event. */
  | {
      readonly kind: 'elected';
      readonly term: number;
      readonly clusterId: string;
      readonly incarnation: number;
      /** True when no leader of this incarnation has led before (semantics C9). */
      readonly firstOfIncarnation: boolean;
      readonly records: readonly StateRecord[];
    }
  /** A commit is durable. They arrive in order. */
  | { readonly kind: 'committed'; readonly commit: number }
  /** The term was the current one in a check begun after the effect was emitted. */
  | { readonly kind: 'term_verified'; readonly check: number }
  /** The controller itself was paused this long (semantics C6). */
  | { readonly kind: 'paused'; readonly forMs: number }
  /** Time has come to look at deadlines. Never itself a proof that one is past. */
  | { readonly kind: 'tick' };

export type Event = FromAgent | AdminCall | FromShell;
