/** What an agent says to a leader: the messages of its stream, as both sides' cores have them. On the wire: `locum.v1.ConnectRequest`. */
import type { CertificateLife } from '../certificate-life.ts';
import type { HostProblem, HostProblemKind } from '../host-problem.ts';
import type { PoolId, ServerId, Uid } from '../ids.ts';
import type { ReportedAttempt } from './attempt.ts';
import type { Capability, ProbeFailure } from './capability.ts';
import type { CommandOutcome } from './command-outcome.ts';
import type { RefusedEnd } from './start-refusal.ts';

/** What a host can take. */
export interface Capacity {
  /** The agent's own limit of slots. Undefined: none. */
  readonly maxSlots: number | undefined;
  /** CPU or memory is over its high mark and not yet under its low mark. */
  readonly saturated: boolean;
  /** 0 to 100 percent of all cores. */
  readonly cpuPercent: number;
  /** 0 to 100. */
  readonly memoryPercent: number;
}

/** Who a host is: facts that do not change while its agent lives. */
export interface HostFacts {
  readonly server: ServerId;
  readonly pool: PoolId;
  /** Made once in the agent's state directory. */
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly agentVersion: string;
}

/** What a Hello says besides its attempts. */
export interface HelloFacts extends HostFacts {
  /** Uid that the agent was given earlier; undefined: none. */
  readonly uid: Uid | undefined;
  /** Time since the host's boot, suspend included. */
  readonly uptimeMs: number;
  readonly capabilities: readonly Capability[];
  readonly capacity: Capacity;
  readonly highestTerm: number;
  readonly highestEpoch: number;
  /** Empty: the agent holds no work of any cluster. */
  readonly clusterId: string;
  /** What the host says keeps every start from succeeding. Empty: nothing. Undefined: this agent never says. */
  readonly hostProblems?: readonly HostProblem[] | undefined;
  /** Probes that fail. Default: none. */
  readonly probeFailures?: readonly ProbeFailure[] | undefined;
}

/** First message of a stream, in parts when the inventory is large: of the first part everything counts, of later ones the attempts. */
export interface Hello {
  readonly kind: 'hello';
  readonly facts: HelloFacts;
  readonly attempts: readonly ReportedAttempt[];
  readonly lastPart: boolean;
}

/** The certificate that an agent has. */
export interface HeldCertificate extends CertificateLife {
  /** Why it was not renewed, in words. Empty: it is not time yet, or it has not been tried. */
  readonly renewalProblem: string;
}

/** Proof of life. What is undefined is unchanged. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  /** Counts from 1 in each session. */
  readonly sequence: number;
  /** That the agent holds. */
  readonly generation: number;
  readonly capacity: Capacity | undefined;
  readonly capabilities: readonly Capability[] | undefined;
  /** Probes that fail, of what has `capabilities`. Default: none. */
  readonly probeFailures?: readonly ProbeFailure[] | undefined;
  /** All of them, when any came or went. Empty: there are none any more. */
  readonly hostProblems?: readonly HostProblem[] | undefined;
  /** With the first heartbeat of a session, and when anything of it changed. */
  readonly certificate?: HeldCertificate | undefined;
}

/** Attempts that changed. What is not listed is unchanged. */
export interface AttemptReport {
  readonly kind: 'report';
  readonly attempts: readonly ReportedAttempt[];
}

/** An answer to a command, without the command's id. */
export interface CommandAnswer {
  readonly outcome: CommandOutcome;
  /** One stable word, of a refused start one of start-refusal.ts; empty when applied. For people: nothing is decided by it. */
  readonly reason: string;
  readonly detail: string;
  /** 0: none. */
  readonly pid: number;
  /** Of a start that was not carried out: how its attempt ended by that. Undefined: this agent never says. */
  readonly endCause?: RefusedEnd | undefined;
  /** Of a refusal: the problem of the host that is its reason. Undefined: the host is not to blame. */
  readonly hostProblem?: HostProblemKind | undefined;
}

export interface CommandResult extends CommandAnswer {
  readonly kind: 'command_result';
  readonly commandId: number;
}

/** The full inventory, in parts when it is large. */
export interface FullState {
  readonly kind: 'full_state';
  /** That the agent holds. */
  readonly generation: number;
  readonly attempts: readonly ReportedAttempt[];
  readonly lastPart: boolean;
}

/** The agent leaves. It proves the end of what it lists, and nothing about the rest. */
export interface Goodbye {
  readonly kind: 'goodbye';
  readonly attempts: readonly ReportedAttempt[];
  /** LEAVE: of the agent alone, as its administrator asked. SHUTDOWN: of the host. */
  readonly reason: 'LEAVE' | 'SHUTDOWN';
}

/** What stands from `offset` on, until the offset of the next time, was read from the program at this time. */
export interface OutputTime {
  /** In the whole output of the attempt. */
  readonly offset: number;
  /** Milliseconds since 1970, by the clock of the host. */
  readonly wall: number;
}

export interface OutputChunk {
  readonly offset: number;
  readonly data: Uint8Array;
  /** Bytes written so far. */
  readonly size: number;
  /** The attempt has ended and this was its last output. */
  readonly end: boolean;
  /** Why there is none. Empty: there is. */
  readonly error: string;
  /** Of `data`; the first one holds for its beginning. Empty: not known. */
  readonly times: readonly OutputTime[];
}

/** Answer to `read_output`. */
export interface OutputAnswer {
  readonly kind: 'output_chunk';
  readonly requestId: number;
  readonly chunk: OutputChunk;
}

export type AgentMessage = Hello | Heartbeat | AttemptReport | CommandResult | FullState | Goodbye | OutputAnswer;
