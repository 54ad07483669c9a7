/**
 * Why a start was not carried out: one stable word each, with what it means and what follows, and how the attempt ended by that. Agent
 * and keeper say the word, and people read it; the leader decides by the outcome and the end cause, which are enums. Problems of a host
 * have a list of their own (shared/host-problem.ts). docs/events.md is made from here.
 */
import { type HostProblemKind, isHostProblemKind } from '../host-problem.ts';
import type { EndCause } from './attempt.ts';
import type { CommandOutcome } from './command-outcome.ts';

/** EXPIRED: it came too late. STALE: it is of something that is over. SPAWN_FAILED: it can't be run there, however often it is tried. */
type Means = Exclude<CommandOutcome, 'APPLIED' | 'ALREADY_APPLIED'> | 'SPAWN_FAILED';

interface Row {
  readonly means: Means;
  readonly says: string;
}

const BY_AGENT = {
  HEARTBEAT_UNKNOWN: { means: 'EXPIRED', says: 'The heartbeat to which it is bound is too long ago.' },
  TOO_LATE: { means: 'EXPIRED', says: 'Too little of its lease was left when it came.' },
  STOPPED_BEFORE_START: { means: 'STALE', says: 'Its stop came before its start.' },
  INVENTORY_SENT: { means: 'STALE', says: 'An inventory without it has left on a newer stream, and must stay true.' },
  WORKLOAD_UNKNOWN: { means: 'REFUSED', says: 'The agent is older than this kind of workload: upgrade it.' },
  KEEPER_UNAVAILABLE: { means: 'REFUSED', says: 'There is no keeper on the host just now; the agent starts one.' },
  OLDER_ATTEMPT_LIVES: { means: 'REFUSED', says: 'An older attempt of the run has not ended there.' },
  RESOURCE_EXHAUSTED: { means: 'REFUSED', says: "The agent's own limit of slots is reached." },
} as const satisfies Readonly<Record<string, Row>>;

const BY_KEEPER = {
  DEADLINE_PAST: { means: 'EXPIRED', says: 'Its deadline passed before the program could run.' },
  EPOCH_SPENT: {
    means: 'STALE',
    says: 'Its epoch or a higher one of the run was seen there: a start is carried out once.',
  },
  STOPPED: { means: 'REFUSED', says: 'It was stopped before the program ran.' },
  LEAVING: { means: 'REFUSED', says: 'The agent leaves, or its keeper ends.' },
  TABLE_FULL: { means: 'REFUSED', says: 'So many attempts live there that the keeper takes no more.' },
  INVALID_REQUEST: { means: 'REFUSED', says: 'The keeper can not make sense of it: it may be older than its agent.' },
  PROGRAM_NOT_FOUND: { means: 'SPAWN_FAILED', says: 'There is no such program on the host.' },
  PROGRAM_NOT_EXECUTABLE: { means: 'SPAWN_FAILED', says: 'The program is there, and is no executable file.' },
  WORKING_DIRECTORY_NOT_FOUND: {
    means: 'SPAWN_FAILED',
    says: 'The working directory is no folder that can be entered.',
  },
  USER_NOT_FOUND: { means: 'SPAWN_FAILED', says: 'The host has no such user.' },
  USER_NOT_PERMITTED: { means: 'SPAWN_FAILED', says: 'The keeper may not run programs as that user.' },
  SECRET_NOT_PERMITTED: {
    means: 'SPAWN_FAILED',
    says: 'A value of `env_from` is not among what the configuration of the agent lets policies take (`secrets`).',
  },
  SECRET_UNAVAILABLE: {
    means: 'SPAWN_FAILED',
    says: 'A value of `env_from` is not there, or can not be read; the detail says which and why.',
  },
  LIMITS_UNAVAILABLE: {
    means: 'REFUSED',
    says: 'The host can not hold what `resources` limits: another server is tried. The agent tells what it can hold as `feature`.',
  },
  SPAWN_FAILED: {
    means: 'SPAWN_FAILED',
    says: 'The program could not be started, for another reason that the detail names.',
  },
} as const satisfies Readonly<Record<string, Row>>;

const BY_LEADER = {
  MESSAGE_TOO_LARGE: {
    means: 'REFUSED',
    says: 'It does not fit a message to an agent: make the script or the arguments smaller.',
  },
} as const satisfies Readonly<Record<string, Row>>;

export const START_REFUSALS = { ...BY_AGENT, ...BY_KEEPER, ...BY_LEADER } as const;

/** What a keeper of this version says. */
export type KeeperRefusal = keyof typeof BY_KEEPER | HostProblemKind;
export type StartRefusal = keyof typeof START_REFUSALS | HostProblemKind;

/** How the attempt of a refused start ended. */
export type RefusedEnd = Extract<EndCause, 'REFUSED' | 'EXPIRED' | 'SPAWN_FAILED'>;

export interface Refused {
  readonly outcome: Means & CommandOutcome;
  readonly endCause: RefusedEnd;
  /** Undefined: the host is not to blame. */
  readonly hostProblem?: HostProblemKind;
}

/** What follows from a word. One that only a newer keeper knows is a refusal as any other. */
export function refusedBy(word: string): Refused {
  if (isHostProblemKind(word)) return { outcome: 'REFUSED', endCause: 'REFUSED', hostProblem: word };
  const means = isStartRefusal(word) ? START_REFUSALS[word].means : 'REFUSED';
  switch (means) {
    case 'REFUSED':
      return { outcome: 'REFUSED', endCause: 'REFUSED' };
    case 'SPAWN_FAILED':
      return { outcome: 'REFUSED', endCause: 'SPAWN_FAILED' };
    case 'EXPIRED':
    case 'STALE':
      return { outcome: means, endCause: 'EXPIRED' };
  }
}

const isStartRefusal = (word: string): word is keyof typeof START_REFUSALS => Object.hasOwn(START_REFUSALS, word);
