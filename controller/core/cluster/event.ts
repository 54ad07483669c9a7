/** Everything that can happen to the core. The shell decodes into these and nothing else reaches the core. */

import type { AuditFacts } from '../../../shared/access/audit-chain.ts';
import type { Rights } from '../../../shared/access/authorize.ts';
import type { AccessRole, Permission } from '../../../shared/access/permissions.ts';
import type { Principal, RoleGrant } from '../../../shared/access/principal.ts';
import type { LocumError } from '../../../shared/errors.ts';
import type { PolicyId, PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import type {
  AttemptReport,
  CommandResult,
  Goodbye,
  Heartbeat,
  HelloFacts,
} from '../../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../../shared/protocol/attempt.ts';
import type { Timers } from '../../../shared/protocol/timers.ts';
import type { AccessRecord, TokenRecord } from '../records/access-record.ts';
import type {
  AuthorityRecord,
  AuthorityRoot,
  AuthorityStep,
  ControllerCertificate,
  Laggard,
  WrappedKey,
} from '../records/authority.ts';
import type { HookNews } from '../records/hook-record.ts';
import type { JoinToken } from '../records/join-token.ts';
import type { Revocation } from '../records/revocation.ts';
import type { ConnId, Failback, Policy, PolicySpec, Pool, Run, Server, StateRecord } from '../records/state.ts';

/** A Hello, put together from its parts. */
export interface WholeHello extends HelloFacts {
  /** Since when the certificate is valid that stands for its name and pool. Default: it showed none, and is taken at its word. */
  readonly certifiedWall?: number;
  /** And until when. */
  readonly certifiedUntilWall?: number;
  readonly inventory: readonly ReportedAttempt[];
}

type OnStream<Message> = Message & { readonly conn: ConnId };

/** What an agent says on an open stream, inventories put together from their parts. */
export type FromAgent =
  | { readonly kind: 'hello'; readonly conn: ConnId; readonly hello: WholeHello }
  | OnStream<Heartbeat>
  | OnStream<AttemptReport>
  | OnStream<CommandResult>
  | {
      readonly kind: 'full_state';
      readonly conn: ConnId;
      readonly generation: number;
      readonly inventory: readonly ReportedAttempt[];
    }
  | OnStream<Goodbye>
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
  | {
      readonly kind: 'drain_server';
      readonly server: ServerId;
      readonly deadlineMs: number | undefined;
      readonly letFinish: boolean;
    }
  | {
      readonly kind: 'confirm_server_dead';
      readonly server: ServerId;
      readonly uid: string;
      /** The boot mark that was shown. */
      readonly boot: string;
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
  | { readonly kind: 'proceed_takeovers'; readonly pool: PoolId }
  | { readonly kind: 'set_role'; readonly role: AccessRole; readonly rights?: Rights | undefined }
  | { readonly kind: 'delete_role'; readonly name: string; readonly rights?: Rights | undefined }
  | { readonly kind: 'create_token'; readonly token: NewToken; readonly rights?: Rights | undefined }
  | { readonly kind: 'revoke_token'; readonly id: string; readonly rights?: Rights | undefined }
  /** The leader's own. */
  | { readonly kind: 'note_token_use'; readonly id: string }
  | {
      readonly kind: 'set_user';
      readonly name: string;
      readonly roles: readonly RoleGrant[];
      readonly rights?: Rights | undefined;
    }
  | { readonly kind: 'delete_user'; readonly name: string; readonly rights?: Rights | undefined }
  | (Pick<JoinToken, 'id' | 'secretHash' | 'server' | 'serverPattern' | 'pool'> & {
      readonly kind: 'create_join_token';
      readonly ttlMs: number;
    })
  | { readonly kind: 'revoke_join_token'; readonly id: string }
  | {
      readonly kind: 'join';
      /** Id and hash of the secret of its token. */
      readonly token: string;
      readonly secretHash: string;
      readonly server: ServerId;
      /** Undefined: that of the token, of the server, or the default one. */
      readonly pool: PoolId | undefined;
      /** Of the key that is to be certified. */
      readonly keyHash: string;
      /** Address that it comes from. */
      readonly source: string;
    }
  | { readonly kind: 'revoke_server'; readonly server: ServerId; readonly reason: string }
  | {
      readonly kind: 'rotate_authority';
      readonly step: AuthorityStep;
      readonly force: boolean;
      /** The root that signs, as the leader's files have it: where the store has no authority yet. */
      readonly present: AuthorityRoot;
      /** BEGIN: the new one. Undefined where that is only tried. */
      readonly next?: AuthorityRoot | undefined;
      readonly endorsements: string;
      /** What all controllers say of themselves. */
      readonly controllers: readonly ControllerCertificate[];
    }
  /** The leader's own: the keys of the roots, wrapped with another key. */
  | {
      readonly kind: 'rewrap_authority';
      /** As the leader's files have it: where the store has none yet. */
      readonly present: AuthorityRecord;
      readonly keys: readonly { readonly hash: string; readonly wrapped: WrappedKey }[];
    }
  /** A controller's own: what it noted for the audit. */
  | { readonly kind: 'record_access'; readonly facts: readonly AuditFacts[] }
  /** The leader's own: how far a hook is, and whether it takes events. */
  | {
      readonly kind: 'note_hook';
      readonly hook: string;
      /** Number of the newest event that it was told of, or that it does not want. */
      readonly position: number;
      readonly news?: HookNews | undefined;
    }
  | { readonly kind: 'forget_hook'; readonly hook: string };

/** A token that is to be made. */
export interface NewToken extends Pick<TokenRecord, 'id' | 'holder' | 'roles' | 'secretHash'> {
  readonly ttlMs: number;
}

/** Handle of one API call, given by the shell; the core answers each exactly once. */
export type CallId = number;

/** By what right somebody calls. */
export interface Warrant {
  readonly principal: Pick<Principal, 'kind' | 'roles'>;
  /** What the method needs. */
  readonly permission: Permission;
}

/** Where a call came from, for the audit. */
export interface CallOrigin {
  /** `locum.v1.PolicyService/StartPolicy`. */
  readonly method: string;
  /** Address of the caller, as far as the controller sees. */
  readonly source: string;
}

export interface AdminCall {
  readonly kind: 'call';
  readonly call: CallId;
  readonly origin: CallOrigin;
  /** Who asks, for the event log: `operator:alice`. */
  readonly actor: string;
  /** Undefined: it is a controller's own, and nobody has to allow it. */
  readonly warrant?: Warrant | undefined;
  /** Empty: none. */
  readonly requestId: string;
  /** Hash of method and arguments: the same request_id with another one is refused. */
  readonly fingerprint: string;
  readonly validateOnly: boolean;
  /** The `planEtag` that a dry run of it answered: does exactly that, or nothing. Default: whatever is right now. */
  readonly ifPlan?: string;
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

/** What a call answers with: copies, so that nothing decided later shows through. `planEtag`: of one that was only tried. */
export type CallValue = CallAnswer & { readonly planEtag?: string };

type CallAnswer =
  | { readonly kind: 'pool'; readonly pool: Pool }
  | { readonly kind: 'order'; readonly pool: Pool; readonly plan: MovePlan }
  | {
      readonly kind: 'server';
      readonly server: Server;
      readonly plan: MovePlan;
      readonly runs: readonly RunId[];
      /** Of a limit that is only tried: runs of the queue that would start there. */
      readonly starts?: readonly RunId[];
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
  | { readonly kind: 'access'; readonly record: AccessRecord }
  | { readonly kind: 'gone'; readonly name: string }
  | { readonly kind: 'join_token'; readonly token: JoinToken }
  | { readonly kind: 'revocation'; readonly revocation: Revocation }
  /** `behind`: whom a step leaves behind. */
  | { readonly kind: 'authority'; readonly authority: AuthorityRecord; readonly behind: readonly Laggard[] }
  /** May have a certificate. `bound`: the only pool that it is for; undefined: any. */
  | {
      readonly kind: 'admitted';
      readonly server: ServerId;
      readonly pool: PoolId;
      readonly bound: PoolId | undefined;
      /** One that is valid from earlier is revoked. Undefined: none of its name is. */
      readonly validFromWall: number | undefined;
    }
  | { readonly kind: 'noted' };

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
