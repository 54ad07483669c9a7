/** What a leader says to an agent: the messages of its stream, as both sides' cores have them. On the wire: `locum.v1.ConnectResponse`. */
import type { PolicyId, SessionId, Uid } from '../ids.ts';
import type { AttemptRef, FrozenTerms } from './attempt.ts';
import type { HealthCheck } from './health-check.ts';
import type { PolicyOutputRetention } from './output-retention.ts';
import type { Timers } from './timers.ts';
import type { Workload } from './workload.ts';

/** What becomes of an attempt of an inventory. */
export interface Verdict extends AttemptRef {
  /** KEEP: it is current. ADOPT: it was given up, and nothing newer exists. STOP: it is superseded or unwanted. */
  readonly action: 'KEEP' | 'ADOPT' | 'STOP';
  /** Why, when it is STOP: one stable word. */
  readonly reason: string;
}

/** First message of a session. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly session: SessionId;
  /** Identity of the store. */
  readonly clusterId: string;
  /** Of the server; the agent keeps it. */
  readonly uid: Uid;
  readonly timers: Timers;
  /** One for each attempt of the inventory. They make generation 1. */
  readonly verdicts: readonly Verdict[];
}

/** Extends the leases of a generation to a_n + L. */
export interface Grant {
  readonly kind: 'grant';
  /** Of the granted heartbeat. */
  readonly sequence: number;
  readonly generation: number;
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
  /** Undefined: of a kind that this version does not know. */
  readonly workload: Workload | undefined;
  readonly arguments: readonly string[];
  readonly slots: number;
  /** How it is told whether it does its work. Undefined: it is not checked. */
  readonly healthCheck?: HealthCheck | undefined;
  /** Undefined: as the agent is configured. */
  readonly outputRetention?: PolicyOutputRetention | undefined;
}

export interface StopCommand extends AttemptRef {
  readonly kind: 'stop';
  readonly commandId: number;
  /** The generation that this command makes. */
  readonly generation: number;
  /** One stable word. */
  readonly reason: string;
}

/** These ends are durable, and need not be listed any more. */
export interface AttemptAck {
  readonly kind: 'ack';
  readonly attempts: readonly AttemptRef[];
}

/** Asks for the full inventory. */
export interface ReportFullState {
  readonly kind: 'report_full_state';
  /** One stable word. */
  readonly reason: string;
}

/** On a full inventory. */
export interface Verdicts {
  readonly kind: 'verdicts';
  /** That they make. */
  readonly generation: number;
  readonly verdicts: readonly Verdict[];
}

/** Asks the agent to connect elsewhere or later. */
export interface Reconnect {
  readonly kind: 'reconnect';
  /** `host:port`, best first; empty: the same endpoint. */
  readonly endpoints: readonly string[];
  readonly afterMs: number;
  /** One stable word. */
  readonly reason: string;
}

/** Asks for output of an attempt. */
export interface ReadOutput extends AttemptRef {
  readonly kind: 'read_output';
  readonly requestId: number;
  /** In bytes. Negative: that many before the end. */
  readonly offset: number;
  readonly limit: number;
  /** Only lines that were read from the program then or later, milliseconds since 1970. Undefined: all. */
  readonly sinceWall?: number | undefined;
}

export interface TimersChanged {
  readonly kind: 'timers_changed';
  readonly timers: Timers;
}

/** Which roots of the certificate authority to trust, and which one signs: their hashes. Who has others renews. */
export interface AuthorityNotice {
  readonly kind: 'authority_notice';
  readonly trusted: readonly string[];
  readonly signing: string;
}

/** What makes no generation, and asks for no answer that is waited for. */
export type PlainMessage = ReportFullState | TimersChanged | AuthorityNotice;

/** The term of the leader goes with each of them. */
export type LeaderMessage =
  | Welcome
  | Grant
  | StartCommand
  | StopCommand
  | AttemptAck
  | ReportFullState
  | Verdicts
  | Reconnect
  | ReadOutput
  | TimersChanged
  | AuthorityNotice;
