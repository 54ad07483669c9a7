/** One attempt in the simulated keeper's table. */

import type { KeptAttempt } from '../../agent/core/event.ts';
import type { AttemptEnd, AttemptState, EndCause, FrozenTerms, StartCommand } from '../../agent/core/message.ts';
import type { Stage, Terms } from '../../keeper/core/deadline.ts';
import type { Epoch, PolicyId, RunId } from '../../shared/ids.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { Tree } from './tree.ts';

export interface Reason {
  readonly cause: EndCause;
  readonly detail: string;
}

export interface Refusal {
  readonly reason: string;
  readonly detail: string;
}

export interface SimAttempt {
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly policy: PolicyId;
  readonly frozen: FrozenTerms;
  readonly terms: Terms;
  readonly slots: number;
  deadline: Deadline;
  stage: Stage;
  reason: Reason | undefined;
  abandoned: Refusal | undefined;
  ended: { readonly end: AttemptEnd; readonly wall: number } | undefined;
  pid: number;
  startWall: number | undefined;
  tree: Tree | undefined;
}

export const keyOf = (run: string, epoch: number): string => `${run}-${epoch}`;

export function newAttempt(command: StartCommand, deadline: Deadline): SimAttempt {
  const { run, epoch, policy, terms, slots } = command;
  return {
    ...{ run, epoch, policy, slots, deadline, frozen: terms, terms: keeperTerms(terms) },
    stage: { kind: 'starting' },
    ...{ reason: undefined, abandoned: undefined, ended: undefined, pid: 0, startWall: undefined, tree: undefined },
  };
}

/** An attempt of an earlier keeper of this boot. */
export function leftover(kept: KeptAttempt, tree: Tree | undefined): SimAttempt {
  const { status, deadline, terms, slots } = kept;
  const { run, epoch, policy, pid, startWall, end, endWall } = status;
  return {
    ...{ run, epoch, policy, slots, deadline, frozen: terms, terms: keeperTerms(terms), pid, startWall, tree },
    stage: { kind: 'running' },
    reason: undefined,
    abandoned: undefined,
    ended: end === undefined ? undefined : { end, wall: endWall ?? 0 },
  };
}

const keeperTerms = ({ onDisconnect, stopTimeoutMs, killGuardMs }: FrozenTerms): Terms => ({
  stopsAtDeadline: onDisconnect === 'STOP',
  stopTimeoutMs,
  killGuardMs,
});

export function stateOf({ ended, stage }: SimAttempt): AttemptState {
  if (ended !== undefined) return 'ENDED';
  switch (stage.kind) {
    case 'starting':
      return 'STARTING';
    case 'running':
      return 'RUNNING';
    case 'stopping':
    case 'killing':
      return 'STOPPING';
    case 'stuck':
      return 'STUCK';
  }
}

export function keptOf(attempt: SimAttempt): KeptAttempt {
  const { run, epoch, policy, pid, startWall, ended, deadline, frozen, slots, tree } = attempt;
  return {
    status: {
      ...{ run, epoch, policy, pid, startWall, state: stateOf(attempt) },
      endWall: ended?.wall,
      end: ended?.end,
    },
    ...{ deadline, slots, terms: frozen },
    cgroup: tree === undefined ? '' : `locum/${keyOf(run, epoch)}`,
    startTicks: tree === undefined ? 0 : 1,
  };
}

export function causeOf({ reason }: Refusal): Reason['cause'] {
  if (reason === 'STOPPED') return 'STOPPED';
  return reason === 'DEADLINE_PAST' ? 'REFUSED' : 'SPAWN_FAILED';
}
