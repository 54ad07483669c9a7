/** The state of a keeper. Only the core writes it; the shell reads it to tell the agent. */
import type { HostProblem } from '../../shared/host-problem.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { Attempt } from './attempt.ts';
import type { Answer } from './effect.ts';
import type { AgentId, RequestId, StartRequest, WriteId } from './event.ts';
import type { Recovered } from './record.ts';
import type { SpentEpochs } from './spent-epochs.ts';

/** How long a keeper stays, and how it goes. */
export type Phase =
  /** Leftovers of earlier keepers are being killed: until it is known what they are, and then until this monotonic time at the latest. */
  | { readonly kind: 'clearing'; readonly until: number; swept: boolean }
  | {
      readonly kind: 'serving';
      /** Since when there is no agent and nothing that lives, monotonic. Undefined: there is a reason to stay. */
      idleSince: number | undefined;
    }
  /** The agent has been told that the host shuts down, and has until this monotonic time. */
  | { readonly kind: 'leaving'; readonly until: number }
  /** Ends once nothing lives, or gives up at this monotonic time. */
  | { readonly kind: 'ending'; readonly giveUpAt: number | undefined }
  | { readonly kind: 'over' };

/** A start that is under way: how far it is, and who is to be answered. */
export interface Starting {
  readonly start: StartRequest;
  readonly agent: AgentId;
  readonly request: RequestId;
  /** The write that is waited for. Undefined: the driver is at work. */
  awaiting: WriteId | undefined;
  /** The first process waits at the gate. */
  prepared: boolean;
}

export interface Promised {
  readonly agent: AgentId;
  readonly request: RequestId;
  readonly answer: Answer;
}

export interface CoreOptions {
  /** Of this boot of the host. */
  readonly bootId: string;
  readonly recovered: Recovered;
  /** How long the keeper stays with no agent and nothing that lives, in milliseconds. */
  readonly idleMs: number;
}

export interface KeeperState {
  readonly bootId: string;
  readonly idleMs: number;
  /** Living ones, and ended ones until they are forgotten; by key, oldest first. */
  readonly attempts: Map<string, Attempt>;
  /** Those of them that have not ended. */
  readonly living: Map<string, Attempt>;
  readonly starting: Map<string, Starting>;
  /** Answers that are given once the disk has what they promise, or has said no. */
  readonly promised: Map<WriteId, Promised>;
  readonly spent: SpentEpochs;
  readonly cgroupBases: ReadonlySet<string>;
  /** What earlier keepers left; used up by `begin`. */
  leftovers: Recovered['attempts'];
  highestTerm: number;
  /** Empty: a start would succeed. */
  problems: readonly HostProblem[];
  /** The connection that counts. Undefined: there is no agent. */
  agent: AgentId | undefined;
  phase: Phase;
  /** The server leaves its cluster: nothing of it is for the next keeper, unless something can not be killed. */
  forgets: boolean;
  /** Nothing is due before this. */
  dueAt: Deadline;
  /** The wake-up that was asked for, monotonic. */
  wakeAt: number;
  lastWrite: WriteId;
}

const NEVER: Deadline = { mono: Number.POSITIVE_INFINITY, boot: Number.POSITIVE_INFINITY };

export function createKeeper({ bootId, recovered, idleMs }: CoreOptions): KeeperState {
  return {
    bootId,
    idleMs,
    attempts: new Map(),
    living: new Map(),
    starting: new Map(),
    promised: new Map(),
    spent: recovered.spent,
    cgroupBases: recovered.cgroupBases,
    leftovers: recovered.attempts,
    highestTerm: recovered.highestTerm,
    problems: [],
    agent: undefined,
    phase: { kind: 'clearing', until: Number.POSITIVE_INFINITY, swept: false },
    forgets: false,
    dueAt: NEVER,
    wakeAt: Number.POSITIVE_INFINITY,
    lastWrite: 0,
  };
}
