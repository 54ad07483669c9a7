/** What passes between an agent and its keeper, from the one core's words into the other's; the wire between them has tests of its own. */
import type { KeeperRequest } from '../../agent/core/effect.ts';
import type { KeptAttempt } from '../../agent/core/event.ts';
import { type Attempt, stateOf } from '../../keeper/core/attempt.ts';
import type { Ask } from '../../keeper/core/event.ts';
import { epoch as epochOf, policyId, runId } from '../../shared/ids.ts';

export function keptOf(attempt: Attempt): KeptAttempt {
  const { run, epoch, policy, place, startWall, ended, deadline, frozen, slots, healthCheck } = attempt;
  return {
    status: {
      ...{ run: runId(run), epoch: epochOf(epoch), policy: policyId(policy), pid: place.pid, startWall },
      state: stateOf(attempt),
      endWall: ended?.wall,
      end: ended?.end,
    },
    ...{ deadline, slots, terms: frozen, cgroup: place.cgroup, startTicks: place.startTicks },
    healthCheck: healthCheck as KeptAttempt['healthCheck'],
  };
}

/** Undefined: nothing that the core of a keeper decides. */
export function askOf(ask: KeeperRequest): Ask | undefined {
  switch (ask.kind) {
    case 'start': {
      const { run, epoch, policy, terms, slots, workload, healthCheck } = ask.command;
      return { kind: 'start', run, epoch, policy, terms, slots, deadline: ask.deadline, workload, healthCheck };
    }
    case 'stop':
      return { kind: 'stop', attempt: ask.attempt, reason: { cause: ask.cause, detail: ask.reason } };
    case 'read':
      return undefined;
    case 'extend':
    case 'forget':
    case 'ping':
    case 'exit':
      return ask;
  }
}
