/** The state of an agent. Only the core writes it; the shell reads it for `status`. */
import type { HostProblem } from '../../shared/host-problem.ts';
import type { Epoch, RunId, SessionId } from '../../shared/ids.ts';
import { type Reading, readingOf } from '../../shared/lease-clock.ts';
import { Prng } from '../../shared/prng.ts';
import type { Capacity, CommandAnswer, HostFacts } from '../../shared/protocol/agent-message.ts';
import type { Capability, ProbeFailure } from '../../shared/protocol/capability.ts';
import { DEFAULT_TIMERS, type Timers } from '../../shared/protocol/timers.ts';
import type { Attempt } from './attempt.ts';
import { noCertificate, type Renewal } from './certificate.ts';
import type { AgentNow } from './clock.ts';
import type { Extension } from './effect.ts';
import type { RequestId, StreamId } from './event.ts';
import { emptySpent, type SpentEpochs } from './spent.ts';

/** What an agent is started with. */
export interface CoreOptions {
  /** Who this host is, for the leader. */
  readonly host: HostFacts;
  /** Own list of controllers, `host:port`, best first; at least one. */
  readonly endpoints: readonly string[];
  /** The agent's own limit of slots. Undefined: none. */
  readonly maxSlots: number | undefined;
  /** Uid that a leader gave earlier; empty: none. */
  readonly uid: string;
  /** Identity of the store that this state directory belongs to; empty: none yet. */
  readonly clusterId: string;
  /** Highest term that this state directory has seen; 0: none. */
  readonly highestTerm: number;
  /** For jitter. */
  readonly seed: number;
}

/** A session: one stream on which a Welcome was received. */
export interface Session {
  readonly stream: StreamId;
  readonly endpoint: string;
  readonly id: SessionId;
  readonly term: number;
  /** The generation that is held: every command up to it has been processed. */
  generation: number;
  /** Of the newest heartbeat handed to the stream; the Hello is 0. */
  sequence: number;
  /** a_n of heartbeats that a grant or a start may still name; bounded. */
  readonly stamps: Map<number, Reading>;
  /** Newest heartbeat that was granted. */
  answered: number;
  /** Since when a grant is awaited, monotonic. Undefined: all are answered. */
  awaitingSince: number | undefined;
  heartbeatAt: number;
  /** The stream takes messages. */
  writable: boolean;
  /** A later inventory has left on another stream: a start made now would be missing in it (semantics, section 7b). */
  barred: boolean;
  /** The leader asked to connect elsewhere. */
  moving: boolean;
  /** Newest heartbeat before the full state that is not answered by verdicts yet. Undefined: none is open. */
  fullStateAfter: number | undefined;
  /** Changes of attempts up to this one were reported here. */
  reportedUpTo: number;
}

/** A stream that has no Welcome yet. */
export interface Candidate {
  readonly stream: StreamId;
  readonly endpoint: string;
  /** Set once the Hello has left. */
  greeting: Greeting | undefined;
  writable: boolean;
}

/** What a Hello said, and when. */
export interface Greeting {
  /** a_0. Undefined: the clock came into doubt since (semantics: A8). */
  stamp: Reading | undefined;
  /** Changes of attempts that it includes. */
  readonly reportedUpTo: number;
  readonly capabilities: readonly Capability[];
  readonly capacity: Capacity;
  readonly hostProblems: readonly HostProblem[];
  /** Since when the Welcome is awaited, monotonic. */
  since: number;
}

export interface Dialling {
  /** Endpoints that a controller named, best first; each is tried once, before the own list. */
  hints: readonly string[];
  /** Index into the own list. */
  next: number;
  /** Tries since the last Welcome that came to nothing. */
  failures: number;
  /** The last candidate pointed elsewhere. */
  redirected: boolean;
  /** Not before this monotonic time. Undefined: not planned. */
  at: number | undefined;
  /** What ended the last try or session, for people. */
  lastProblem: string;
}

export type Keeper =
  /** No connection yet, or one is being made. `problem`: why the last try came to nothing; empty: there was none. */
  | { readonly kind: 'opening'; readonly retryAt: number | undefined; readonly problem: string }
  | {
      readonly kind: 'live';
      readonly pid: number;
      readonly containment: 'CGROUP' | 'PROCESS_GROUP';
      /** When the first ping was sent that no pong has followed, monotonic. Undefined: all are answered. */
      pingedAt: number | undefined;
      nextPingAt: number;
    }
  /** The connection ended; the same keeper is tried again before it is judged dead. */
  | { readonly kind: 'lost'; readonly pid: number; since: number }
  /** Dead or silent: it and its trees are being killed. */
  | { readonly kind: 'killing' };

/** A request to the keeper that is not answered yet. */
export type Pending =
  | {
      readonly kind: 'start';
      readonly run: RunId;
      readonly epoch: Epoch;
      readonly stream: StreamId;
      readonly commandId: number;
    }
  | {
      readonly kind: 'stop';
      /** Who is answered. Undefined: nobody asked. */
      readonly reply: { readonly stream: StreamId; readonly commandId: number } | undefined;
    }
  | { readonly kind: 'extend'; readonly extensions: readonly Extension[]; readonly clockEra: number }
  | { readonly kind: 'read'; readonly stream: StreamId; readonly requestId: number }
  | { readonly kind: 'other' };

export interface Leaving {
  readonly reason: 'LEAVE' | 'SHUTDOWN';
  readonly untilMono: number;
  /**
   * Stream of the Goodbye and when to stop waiting for its end. Complete: it leaves for good, and all that it ran is proven ended.
   * Undefined: not said yet.
   */
  goodbye: { readonly stream: StreamId; readonly untilMono: number; readonly complete: boolean } | undefined;
}

export interface AgentState {
  readonly host: HostFacts;
  readonly endpoints: readonly string[];
  readonly maxSlots: number | undefined;
  readonly random: Prng;
  /** Empty: none yet. */
  uid: string;
  /** Empty: none yet. */
  clusterId: string;
  highestTerm: number;
  highestEpoch: number;
  /** Of the pool; the defaults until a Welcome names them. An attempt's own are in its frozen terms. */
  timers: Timers;
  capabilities: readonly Capability[];
  /** Told with the capabilities. */
  probeFailures: readonly ProbeFailure[];
  capabilitiesChanged: boolean;
  capacity: Capacity;
  capacityChanged: boolean;
  /** What keeps every start from succeeding now, as the keeper and this agent's shell find it. */
  foundProblems: readonly HostProblem[];
  /** As the leader is told of them, with what this core knows by itself. */
  hostProblems: readonly HostProblem[];
  hostProblemsChanged: boolean;
  keeper: Keeper;
  /** Since when the keeper that there was is gone, monotonic. Undefined: it is there, or none was yet. */
  keeperGoneMono: number | undefined;
  readonly attempts: Map<string, Attempt>;
  readonly spent: SpentEpochs<CommandAnswer>;
  readonly pending: Map<RequestId, Pending>;
  session: Session | undefined;
  candidate: Candidate | undefined;
  readonly dialling: Dialling;
  readonly renewal: Renewal;
  leaving: Leaving | undefined;
  /** The agent has asked to be ended. */
  exited: boolean;
  /** Counts changes of attempts. */
  changes: number;
  /** Counts signs of a stopped clock; what was stamped in an earlier era extends nothing. */
  clockEra: number;
  lastNow: AgentNow;
  /** The wake-up that was asked for, monotonic. */
  wakeAt: number;
  lastStream: StreamId;
  lastRequest: RequestId;
}

export function createAgent(options: CoreOptions, now: AgentNow): AgentState {
  return {
    host: options.host,
    endpoints: options.endpoints,
    maxSlots: options.maxSlots,
    random: new Prng(options.seed),
    uid: options.uid,
    clusterId: options.clusterId,
    highestTerm: options.highestTerm,
    highestEpoch: 0,
    timers: DEFAULT_TIMERS,
    capabilities: [],
    probeFailures: [],
    capabilitiesChanged: false,
    capacity: { maxSlots: options.maxSlots, saturated: false, cpuPercent: 0, memoryPercent: 0 },
    capacityChanged: false,
    foundProblems: [],
    hostProblems: [],
    hostProblemsChanged: false,
    keeper: { kind: 'opening', retryAt: undefined, problem: '' },
    keeperGoneMono: undefined,
    attempts: new Map(),
    spent: emptySpent(),
    pending: new Map(),
    session: undefined,
    candidate: undefined,
    dialling: { hints: [], next: 0, failures: 0, redirected: false, at: undefined, lastProblem: '' },
    renewal: noCertificate(),
    leaving: undefined,
    exited: false,
    changes: 0,
    clockEra: 0,
    lastNow: { ...readingOf(now), wall: now.wall, vmGeneration: now.vmGeneration },
    wakeAt: Number.POSITIVE_INFINITY,
    lastStream: 0,
    lastRequest: 0,
  };
}
