/**
 * From a start command to an open gate, in the one order that is safe: spend the epoch, write that down, make the place and shut
 * the gate behind the first process, write down what it is, look at the clocks, open the gate. Each step is an event.
 *
 * Whatever the answer, the epoch is spent here (semantics: A3), in memory from the first moment. What the disk does not take in time
 * refuses the start: a keeper that comes after this one must know of whatever it let run.
 */
import { assert } from '../../shared/assert.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { type Attempt, keeperTerms, keyOf, NO_PLACE, type TreePlace } from './attempt.ts';
import { refuseStart } from './end.ts';
import type { AgentId, RequestId, StartRequest, WriteId } from './event.ts';
import { MAX_LIVING_ATTEMPTS } from './limits.ts';
import { type Refusal, refuse, refuseFor } from './refusal.ts';
import type { KeeperState, Starting } from './state.ts';
import { lookAtDeadline } from './tree.ts';
import { answer, answerAfter, attemptRecord, done, log, refused, type Turn, tellChanged, write } from './turn.ts';

/** It becomes the name of a folder and of a cgroup. */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,79}$/;

export const isEpoch = (epoch: number): boolean => Number.isSafeInteger(epoch) && epoch > 0;

export const isRef = ({ run, epoch }: { readonly run: string; readonly epoch: number }): boolean =>
  RUN_ID.test(run) && isEpoch(epoch);

export function acceptStart(turn: Turn, agent: AgentId, request: RequestId, start: StartRequest): void {
  const { state } = turn;
  const { run, epoch, deadline } = start;
  if (!isRef(start) || !Number.isFinite(deadline.mono) || !Number.isFinite(deadline.boot)) {
    const detail = 'a start needs the id of a run, an epoch and a deadline';
    answer(turn, agent, request, refused(refuse('INVALID_REQUEST', detail)));
    return;
  }
  if (state.spent.isSpent(run, epoch)) {
    const detail = `epoch ${epoch} or a later one of ${run} was seen here before`;
    answer(turn, agent, request, refused(refuse('EPOCH_SPENT', detail)));
    return;
  }
  state.spent.spend(run, epoch);
  const refusal = whyNoStart(state);
  if (refusal !== undefined) {
    answerAfter(turn, { kind: 'spent', run, epoch }, { agent, request, answer: refused(refusal) });
    return;
  }
  const attempt = newAttempt(start);
  state.attempts.set(keyOf(attempt), attempt);
  state.living.set(keyOf(attempt), attempt);
  const awaiting = write(turn, { kind: 'spent', run, epoch });
  state.starting.set(keyOf(attempt), { start, agent, request, awaiting, prepared: false });
  tellChanged(turn, attempt);
  lookAtDeadline(turn, attempt);
}

/** Found before anything is made. The first reason counts. */
function whyNoStart({ phase, living, problems }: KeeperState): Refusal | undefined {
  if (phase.kind !== 'serving') return refuse('LEAVING', 'the keeper is about to end');
  if (living.size >= MAX_LIVING_ATTEMPTS) return refuse('TABLE_FULL', `${living.size} attempts live here already`);
  const [problem] = problems;
  return problem && refuseFor(problem);
}

function newAttempt({ run, epoch, policy, terms, slots, deadline, ...rest }: StartRequest): Attempt {
  const { healthCheck, outputRetention } = rest;
  return {
    ...{ run, epoch, policy, slots, deadline, healthCheck, outputRetention, frozen: terms, terms: keeperTerms(terms) },
    stage: { kind: 'starting' },
    place: NO_PLACE,
    ...{ reason: undefined, exit: undefined, reaped: false, startWall: undefined, ended: undefined },
    ...{ lookAt: undefined, looks: 0 },
  };
}

/** The disk has answered. Records that nobody waits for have no number. */
export function acceptWritten(turn: Turn, written: WriteId, problem: HostProblem | undefined): void {
  const { state, effects } = turn;
  const promised = state.promised.get(written);
  state.promised.delete(written);
  if (promised !== undefined) answer(turn, promised.agent, promised.request, promised.answer);
  for (const [key, starting] of state.starting) {
    if (starting.awaiting !== written) continue;
    const attempt = attemptOf(state, key);
    starting.awaiting = undefined;
    if (problem !== undefined) refuseStart(turn, attempt, refuseFor(problem));
    else if (starting.prepared) openGate(turn, attempt, starting);
    else effects.push({ kind: 'prepare', attempt: key, start: starting.start });
    return;
  }
}

export function acceptPrepared(turn: Turn, key: string, place: TreePlace): void {
  const { state } = turn;
  const starting = state.starting.get(key);
  // Refused meanwhile, and discarded then.
  if (starting === undefined) return;
  const attempt = attemptOf(state, key);
  attempt.place = place;
  starting.prepared = true;
  starting.awaiting = write(turn, attemptRecord(turn, attempt));
}

export function acceptNotPrepared(turn: Turn, key: string, refusal: Refusal): void {
  if (turn.state.starting.has(key)) refuseStart(turn, attemptOf(turn.state, key), refusal);
}

/** The check of semantics A9 was made at the head of this step, from the clocks; the gate opens before anything else happens. */
function openGate(turn: Turn, attempt: Attempt, { agent, request }: Starting): void {
  turn.effects.push({ kind: 'open_gate', attempt: keyOf(attempt) });
  turn.state.starting.delete(keyOf(attempt));
  attempt.stage = { kind: 'running' };
  attempt.startWall = turn.now.wall;
  tellChanged(turn, attempt);
  answer(turn, agent, request, done({ pid: attempt.place.pid }));
  lookAtDeadline(turn, attempt);
  log(turn, 'info', `${keyOf(attempt)} runs as process ${attempt.place.pid}`);
}

function attemptOf(state: KeeperState, key: string): Attempt {
  const attempt = state.attempts.get(key);
  assert(attempt !== undefined, `${key} is being started and not in the table`);
  return attempt;
}
