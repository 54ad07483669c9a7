/** What agent and leader say to each other, in the core's own types. Outside the core they are converted from and to locum.v1. */
import type { HostProblem, HostProblemKind } from '../../shared/host-problem.ts';
import type { Epoch, PolicyId, RunId, SessionId, Uid } from '../../shared/ids.ts';

/** What becomes of an attempt while no leader can be reached (semantics, section 5). */
export type OnDisconnect = 'STOP' | 'HOLD' | 'OVERLAP';

/** Fixed when the attempt was assigned; agent, keeper and leader use these and never the policy's current ones. */
export interface FrozenTerms {
  readonly onDisconnect: OnDisconnect;
  /** L: how long a grant lets the attempt run, from the send time of the granted heartbeat. */
  readonly leaseMs: number;
  /** G: SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number;
  /** K: wake-up, SIGKILL and reaping. */
  readonly killGuardMs: number;
}

/** What a policy runs. The core only hands it on to the keeper. */
export interface Workload {
  readonly program:
    | { readonly kind: 'command'; readonly argv: readonly string[] }
    | { readonly kind: 'script'; readonly interpreter: readonly string[]; readonly text: string }
    /** Of a kind that this version does not know: refused. */
    | { readonly kind: 'unknown' };
  readonly env: Readonly<Record<string, string>>;
  /** Empty: a fresh folder of the run. */
  readonly workingDirectory: string;
  /** Empty: the keeper's user. */
  readonly user: string;
}

/** STUCK: its process tree can not be killed. ENDED is final. */
export type AttemptState = 'STARTING' | 'RUNNING' | 'STOPPING' | 'STUCK' | 'ENDED';

/** EXPIRED: its start came too late, or to a session that was over. */
export type EndCause = 'UNKNOWN' | 'EXITED' | 'STOPPED' | 'LAPSED' | 'REFUSED' | 'EXPIRED' | 'SPAWN_FAILED' | 'LOST';

export interface AttemptEnd {
  readonly cause: EndCause;
  /** Set when the process exited by itself. */
  readonly exitCode: number | undefined;
  /** Name of the signal that ended it; empty: none. */
  readonly signal: string;
  /** In words, for people. */
  readonly detail: string;
  /** The problem of the host for which its start was refused. */
  readonly hostProblem?: HostProblemKind | undefined;
}

/** One attempt as it is reported. */
export interface AttemptStatus {
  readonly run: RunId;
  readonly policy: PolicyId;
  readonly epoch: Epoch;
  readonly state: AttemptState;
  /** 0: none. */
  readonly pid: number;
  readonly startWall: number | undefined;
  readonly endWall: number | undefined;
  /** Set exactly when ENDED. */
  readonly end: AttemptEnd | undefined;
}

export interface AttemptRef {
  readonly run: RunId;
  readonly epoch: Epoch;
}

export interface Capability {
  readonly name: string;
  /** Empty: the fact is simply present. */
  readonly value: string;
  readonly source: 'FINGERPRINT' | 'PROBE' | 'CONFIG';
}

export interface Capacity {
  /** The agent's own limit of slots. Undefined: none. */
  readonly maxSlots: number | undefined;
  readonly saturated: boolean;
  /** 0 to 100. */
  readonly cpuPercent: number;
  /** 0 to 100. */
  readonly memoryPercent: number;
}

/** Of the pool's timers, those that an agent needs; an attempt's own are in its frozen terms. */
export interface AgentTimers {
  /** h, before its jitter of 10 % either way. */
  readonly heartbeatMs: number;
  /** L of the pool: scales the time limits of A10. */
  readonly leaseMs: number;
}

export interface Verdict extends AttemptRef {
  readonly action: 'KEEP' | 'ADOPT' | 'STOP';
  /** Why, when it is STOP. */
  readonly reason: string;
}

export interface StartCommand extends AttemptRef {
  readonly kind: 'start';
  readonly commandId: number;
  /** The generation that this command makes. */
  readonly generation: number;
  /** The heartbeat to which it is bound (semantics: A3). */
  readonly sequence: number;
  readonly policy: PolicyId;
  readonly terms: FrozenTerms;
  readonly workload: Workload;
  readonly arguments: readonly string[];
  readonly slots: number;
}

export interface StopCommand extends AttemptRef {
  readonly kind: 'stop';
  readonly commandId: number;
  readonly generation: number;
  readonly reason: string;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly session: SessionId;
  readonly clusterId: string;
  readonly uid: Uid;
  readonly timers: AgentTimers;
  /** They make generation 1. */
  readonly verdicts: readonly Verdict[];
}

export interface ReadOutput extends AttemptRef {
  readonly kind: 'read_output';
  readonly requestId: number;
  /** In bytes. Negative: that many before the end. */
  readonly offset: number;
  readonly limit: number;
}

export type FromLeader =
  | Welcome
  | { readonly kind: 'grant'; readonly sequence: number; readonly generation: number }
  | StartCommand
  | StopCommand
  | { readonly kind: 'ack'; readonly attempts: readonly AttemptRef[] }
  | { readonly kind: 'report_full_state'; readonly reason: string }
  | { readonly kind: 'verdicts'; readonly generation: number; readonly verdicts: readonly Verdict[] }
  | {
      readonly kind: 'reconnect';
      /** Best first; empty: the same endpoint. */
      readonly endpoints: readonly string[];
      readonly afterMs: number;
      readonly reason: string;
    }
  | ReadOutput
  | { readonly kind: 'timers_changed'; readonly timers: AgentTimers };

export type CommandOutcome = 'APPLIED' | 'ALREADY_APPLIED' | 'REFUSED' | 'EXPIRED' | 'STALE';

/** An answer to a command, without the command's id. */
export interface CommandAnswer {
  readonly outcome: CommandOutcome;
  /** One stable word; empty when applied. */
  readonly reason: string;
  readonly detail: string;
  readonly pid: number;
  /** Of a refusal: the problem of the host that is its reason. Undefined: the host is not to blame. */
  readonly hostProblem?: HostProblemKind | undefined;
}

/** What a Hello says besides its attempts; the shell adds facts of the host (boot id, uptime, …) that never change or only grow. */
export interface HelloFacts {
  /** Empty: none was given yet. */
  readonly uid: string;
  /** Empty: none is known yet. */
  readonly clusterId: string;
  readonly capabilities: readonly Capability[];
  readonly capacity: Capacity;
  readonly highestTerm: number;
  readonly highestEpoch: number;
  /** Empty: none, and a start would succeed. */
  readonly hostProblems: readonly HostProblem[];
}

export interface OutputChunk {
  readonly offset: number;
  readonly data: Uint8Array;
  /** Bytes written so far. */
  readonly size: number;
  readonly end: boolean;
  /** Why there is none. Empty: there is. */
  readonly error: string;
}

export type ToLeader =
  | {
      readonly kind: 'hello';
      readonly facts: HelloFacts;
      readonly attempts: readonly AttemptStatus[];
      readonly lastPart: boolean;
    }
  | {
      readonly kind: 'heartbeat';
      readonly sequence: number;
      readonly generation: number;
      /** Undefined: unchanged. */
      readonly capacity: Capacity | undefined;
      /** Undefined: unchanged. */
      readonly capabilities: readonly Capability[] | undefined;
      /** Undefined: unchanged. Empty: there are none any more. */
      readonly hostProblems: readonly HostProblem[] | undefined;
    }
  | { readonly kind: 'report'; readonly attempts: readonly AttemptStatus[] }
  | { readonly kind: 'command_result'; readonly commandId: number; readonly answer: CommandAnswer }
  | {
      readonly kind: 'full_state';
      readonly generation: number;
      readonly attempts: readonly AttemptStatus[];
      readonly lastPart: boolean;
    }
  | { readonly kind: 'goodbye'; readonly attempts: readonly AttemptStatus[]; readonly reason: 'LEAVE' | 'SHUTDOWN' }
  | { readonly kind: 'output_chunk'; readonly requestId: number; readonly chunk: OutputChunk };
