/** A keeper that answers at once, for tests of the agent's core. It keeps a table and takes every deadline it is given. */

import type { KeeperRequest } from '../../../agent/core/effect.ts';
import type { Event, KeptAttempt } from '../../../agent/core/event.ts';
import { present } from '../../../shared/assert.ts';
import type { RunId } from '../../../shared/ids.ts';
import type { Deadline } from '../../../shared/lease-clock.ts';
import type { AttemptRef, AttemptStateName, FrozenTerms, ReportedEnd } from '../../../shared/protocol/attempt.ts';

export const KEEPER_PID = 4242;

export class VirtualKeeper {
  /** False: it takes requests and says nothing, as when it is stopped. */
  answers = true;
  /** Starts are answered only by `finishStart`. */
  holdsStarts = false;
  /** What the next starts are answered with; undefined: they succeed. */
  refusal: { readonly reason: string; readonly detail: string } | undefined;
  readonly table = new Map<RunId, KeptAttempt>();
  readonly asked: KeeperRequest[] = [];
  #heldStarts: Array<() => readonly Event[]> = [];
  #nextPid = 100;

  opened({ highestTerm = 0, highestEpoch = 0 } = {}): Event {
    return {
      kind: 'keeper_opened',
      pid: KEEPER_PID,
      containment: 'CGROUP',
      attempts: [...this.table.values()],
      highestTerm,
      highestEpoch,
    };
  }

  ask(request: number, ask: KeeperRequest): readonly Event[] {
    this.asked.push(ask);
    if (!this.answers) return [];
    switch (ask.kind) {
      case 'start':
        if (!this.holdsStarts) return this.#start(request, ask);
        this.#heldStarts.push(() => this.#start(request, ask));
        return [];
      case 'extend':
        for (const { run, deadline } of ask.extensions) if (this.table.has(run)) this.#update(run, { deadline });
        return [{ ...result(request), refused: ask.extensions.filter(({ run }) => !this.table.has(run)) }];
      case 'stop':
        return [this.#changed(ask.attempt.run, 'STOPPING'), result(request)];
      case 'forget':
        for (const { run } of ask.attempts) this.table.delete(run);
        return [result(request)];
      case 'ping':
        return [{ kind: 'keeper_pong' }];
      case 'read': {
        const data = new TextEncoder().encode('out');
        return [
          { kind: 'keeper_output', request, chunk: { offset: 0, data, size: 3, end: false, error: '', times: [] } },
        ];
      }
      case 'exit':
        return [result(request)];
    }
  }

  /** Answers the starts that were held. */
  finishStarts(): readonly Event[] {
    const held = this.#heldStarts.splice(0);
    return held.flatMap((finish) => finish());
  }

  /** The process tree of the run's newest attempt is gone. */
  end(run: RunId, end: Partial<ReportedEnd> = {}): Event {
    const complete: ReportedEnd = { cause: 'EXITED', exitCode: 0, signal: '', detail: '', ...end };
    return this.#changed(run, 'ENDED', complete);
  }

  asks<K extends KeeperRequest['kind']>(kind: K): readonly Extract<KeeperRequest, { kind: K }>[] {
    return this.asked.filter((ask): ask is Extract<KeeperRequest, { kind: K }> => ask.kind === kind);
  }

  deadlineOf(run: RunId): Deadline {
    return present(this.table.get(run), `${run} is in the table`).deadline;
  }

  #start(request: number, { command, deadline }: Extract<KeeperRequest, { kind: 'start' }>): readonly Event[] {
    if (this.refusal !== undefined) return [{ ...result(request), ok: false, ...this.refusal }];
    this.#nextPid += 1;
    const pid = this.#nextPid;
    this.table.set(command.run, keptAttempt({ ...command, pid, deadline }));
    return [this.#changed(command.run, 'RUNNING'), { ...result(request), pid }];
  }

  #update(run: RunId, change: Partial<KeptAttempt>): KeptAttempt {
    const updated = { ...present(this.table.get(run), `${run} is in the table`), ...change };
    this.table.set(run, updated);
    return updated;
  }

  #changed(run: RunId, state: AttemptStateName, end?: ReportedEnd): Event {
    const { status } = present(this.table.get(run), `${run} is in the table`);
    const attempt = this.#update(run, {
      status: { ...status, state, end, endWall: end === undefined ? undefined : 0 },
    });
    return { kind: 'keeper_changed', attempt };
  }
}

const result = (request: number) =>
  ({ kind: 'keeper_result', request, ok: true, reason: '', detail: '', pid: 0, refused: [] as AttemptRef[] }) as const;

/** An entry of a keeper's table. Default state: RUNNING. */
export function keptAttempt(
  facts: AttemptRef & {
    readonly policy: KeptAttempt['status']['policy'];
    readonly terms: FrozenTerms;
    readonly slots: number;
    readonly pid: number;
    readonly deadline: Deadline;
    readonly state?: AttemptStateName;
    readonly healthCheck?: KeptAttempt['healthCheck'];
  },
): KeptAttempt {
  const { run, policy, epoch, pid, deadline, terms, slots, healthCheck, state = 'RUNNING' } = facts;
  return {
    status: { run, policy, epoch, state, pid, startWall: 0, endWall: undefined, end: undefined },
    ...{ deadline, terms, slots, cgroup: `locum/${run}-${epoch}`, startTicks: 1, healthCheck },
  };
}
