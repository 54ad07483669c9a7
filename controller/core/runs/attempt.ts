/** One function per transition of an attempt: assigned, stopped, ended. What follows for its run stands in run-end.ts and aftermath.ts. */
import { assert } from '../../../shared/assert.ts';
import type { RunId } from '../../../shared/ids.ts';
import { change, changeAttempt, SILENT } from '../cluster/change.ts';
import { attemptLiveOf, type ClusterState, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Session, StartMessage } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import { type AttemptEnd, startWallOf } from '../records/attempt-state.ts';
import { nextEpoch } from '../records/meta.ts';
import type { Attempt, Policy, Run, Server, StopReason } from '../records/state.ts';
import { decideAfterEnd } from './aftermath.ts';
import { freezeLastGrant } from './lease.ts';
import { isSamePlace } from './place.ts';

/** Ended attempts that a run keeps. */
export const ENDED_ATTEMPTS_KEPT = 20;

export const isUnended = (attempt: Attempt): boolean => attempt.state.kind !== 'ENDED';

/** The attempt that the run stands on: the newest unended one that was not given up for an overlapping one. */
export function currentAttempt(run: Run): Attempt | undefined {
  return run.attempts.findLast((attempt) => isUnended(attempt) && !attempt.overlapped);
}

export interface OpenAttempt {
  readonly run: Run;
  readonly attempt: Attempt;
}

/** An attempt that is on record and not proven ended. */
export function openAttempt(
  { runs }: ClusterState,
  { run: id, epoch }: { readonly run: RunId; readonly epoch: number },
): OpenAttempt | undefined {
  const run = runs.get(id);
  const attempt = run?.attempts.find((one) => one.epoch === epoch);
  return run !== undefined && attempt !== undefined && isUnended(attempt) ? { run, attempt } : undefined;
}

export const unendedAttempts = (run: Run): readonly Attempt[] => run.attempts.filter(isUnended);

/**
 * Gives a run to a server: a new attempt with the next epoch and frozen terms (semantics C4). Its start goes to the
 * session's queue and leaves once the assignment is durable.
 */
export function assign(turn: Turn, run: Run, policy: Policy, server: Server, why: string): void {
  const { state, now } = turn;
  assert(
    run.attempts.every(
      (attempt) => !isUnended(attempt) || (attempt.overlapped && policy.spec.onDisconnect === 'OVERLAP'),
    ),
    `run ${run.id}: a new attempt needs the proof that every earlier one ended (C3)`,
  );
  const live = serverLiveOf(state, server.id);
  const session = live.session;
  assert(session !== undefined && session.phase === 'OPEN', `server ${server.id} has an open session`);
  const attempt = newAttempt(turn, run, policy, server, session);
  state.attemptLive.set(attempt.epoch, {
    lastGrantMono: now.mono,
    prolongedBy: undefined,
    mayHaveBeenSent: false,
    startedIn: undefined,
    startSentMono: undefined,
    stopSentIn: undefined,
    lastWordMono: undefined,
  });
  turn.queueCommand(session, {
    kind: 'start',
    run: run.id,
    epoch: attempt.epoch,
    message: {
      run: run.id,
      policy: run.policy,
      epoch: attempt.epoch,
      terms: attempt.terms,
      workload: policy.spec.workload,
      arguments: run.arguments,
      slots: run.slots,
      ...startCheck(policy),
      ...(policy.spec.retention.output === undefined ? {} : { outputRetention: policy.spec.retention.output }),
    },
  });
  const { epoch, cause } = attempt;
  const shown = { kind: 'ASSIGNED', reason: cause, message: aboutToStart(server), etaWall: undefined } as const;
  const attempts = { attempts: [...run.attempts, attempt], attemptCount: run.attemptCount + 1 };
  const message = `${run.id} goes to ${server.id} as epoch ${epoch}: ${why}`;
  const news = { type: 'RUN_ASSIGNED', cause, message, server: server.id, epoch } as const;
  change(turn, run, { ...attempts, state: shown, preferServer: undefined }, news);
}

/** How long it may be unhealthy is decided here, and nothing that its agent has to know. */
function startCheck({ spec }: Policy): Pick<StartMessage, 'healthCheck'> {
  if (spec.healthCheck === undefined) return {};
  const { probe, intervalMs, timeoutMs, graceMs, failures } = spec.healthCheck;
  return { healthCheck: { probe, intervalMs, timeoutMs, graceMs, failures } };
}

export const aboutToStart = ({ id }: Server): string => `its start on ${id} is about to be sent`;

/** Takes the next epoch. */
function newAttempt(
  { state, now, age }: Turn,
  run: Run,
  policy: Policy,
  { id, uid }: Server,
  session: Session,
): Attempt {
  const { instanceId, machineId, bootId } = session;
  return {
    epoch: nextEpoch(state.meta),
    server: id,
    place: { serverUid: uid, instanceId, machineId },
    bootId,
    cause: run.nextCause,
    terms: frozenTerms(state, policy),
    state: { kind: 'ASSIGNED' },
    assignWall: now.wall,
    assignAge: age,
    stopReason: undefined,
    overlapped: false,
    health: undefined,
  };
}

function frozenTerms(state: ClusterState, policy: Policy): Attempt['terms'] {
  const { timers } = poolOf(state, policy.spec.pool);
  return {
    onDisconnect: policy.spec.onDisconnect,
    leaseMs: timers.leaseMs,
    stopTimeoutMs: policy.spec.stopTimeoutMs ?? timers.stopTimeoutMs,
    killGuardMs: timers.killGuardMs,
  };
}

/** Decides that an attempt stops. The stop is sent once that is durable; without a session the next Hello's verdict says it. */
export function stopAttempt(turn: Turn, run: Run, attempt: Attempt, reason: StopReason, message: string): void {
  if (attempt.stopReason !== undefined) return;
  const text = `${run.id} is told to stop on ${attempt.server} (epoch ${attempt.epoch}): ${message}`;
  changeAttempt(turn, run, attempt, { stopReason: reason }, { type: 'RUN_STOPPING', cause: reason, message: text });
  if (!attemptLiveOf(turn.state, attempt).mayHaveBeenSent) {
    endNeverSent(turn, run, attempt);
    return;
  }
  sendStop(turn, run, attempt, reason);
}

/** Queues the stop of an attempt on the open session of its place, if there is one. */
export function sendStop(turn: Turn, run: Run, attempt: Attempt, reason: StopReason): void {
  const { session } = serverLiveOf(turn.state, attempt.server);
  if (session === undefined || !isSamePlace(attempt, session)) return;
  const live = attemptLiveOf(turn.state, attempt);
  if (live.stopSentIn === session.id) return;
  live.stopSentIn = session.id;
  turn.queueCommand(session, { kind: 'stop', run: run.id, epoch: attempt.epoch, reason });
}

/** Ends an attempt whose start never left this leader. */
export function endNeverSent(turn: Turn, run: Run, attempt: Attempt): void {
  const { session } = serverLiveOf(turn.state, attempt.server);
  const index = session?.starts.findIndex(({ command }) => command.kind === 'start' && command.epoch === attempt.epoch);
  if (session !== undefined && index !== undefined && index >= 0) session.starts.splice(index, 1);
  endAttempt(turn, run, attempt, {
    cause: attempt.stopReason === undefined ? 'UNKNOWN' : 'STOPPED',
    exitCode: undefined,
    signal: '',
    proof: 'NEVER_SENT',
    detail: 'its start was never sent',
  });
}

/** When an attempt began and ended, as its agent tells it. */
interface ToldTimes {
  readonly startWall?: number | undefined;
  readonly endWall?: number | undefined;
}

/** Notes the proof that an attempt ended, frees its slot, and decides what follows for the run. */
export function endAttempt(turn: Turn, run: Run, attempt: Attempt, end: AttemptEnd, told: ToldTimes = {}): void {
  const { state, now } = turn;
  assert(isUnended(attempt), `attempt ${attempt.epoch} of ${run.id} ends once`);
  freezeLastGrant(state, attempt);
  const startWall = told.startWall ?? startWallOf(attempt);
  // Start and end may be told by two clocks, the agent's and ours.
  const endWall = Math.max(told.endWall ?? now.wall, startWall ?? 0);
  changeAttempt(
    turn,
    run,
    attempt,
    { state: { kind: 'ENDED', end, startWall, endWall } },
    {
      type: 'ATTEMPT_ENDED',
      cause: end.cause,
      message: endMessage(run, attempt, end),
      details: { proof: end.proof, ...(end.exitCode === undefined ? {} : { exit_code: String(end.exitCode) }) },
    },
  );
  state.attemptLive.delete(attempt.epoch);
  dropOldAttempts(turn, run);
  // One that was left behind for an overlapping attempt decides nothing any more.
  if (!attempt.overlapped) decideAfterEnd(turn, run, attempt, end);
}

/** When the process of a run first ran, of whichever attempt. Undefined: none has. */
export function firstStartOf({ firstStartWall, attempts }: Run): number | undefined {
  if (firstStartWall !== undefined) return firstStartWall;
  const starts = attempts.flatMap((attempt) => startWallOf(attempt) ?? []);
  return starts.length === 0 ? undefined : Math.min(...starts);
}

function dropOldAttempts(turn: Turn, run: Run): void {
  const ended = run.attempts.filter((attempt) => !isUnended(attempt));
  if (ended.length <= ENDED_ATTEMPTS_KEPT) return;
  const oldest = ended[0];
  // History gives way to history, and its end was told.
  const attempts = run.attempts.filter((attempt) => attempt !== oldest);
  change(turn, run, { attempts, firstStartWall: firstStartOf(run) }, SILENT);
}

function endMessage(run: Run, attempt: Attempt, end: AttemptEnd): string {
  const how =
    end.cause === 'EXITED'
      ? end.signal === ''
        ? `exited with code ${end.exitCode ?? 'unknown'}`
        : `was ended by ${end.signal}`
      : `ended (${end.cause})`;
  const detail = end.detail === '' ? '' : `: ${end.detail}`;
  return `${run.id} on ${attempt.server} (epoch ${attempt.epoch}) ${how}, proven by ${end.proof}${detail}`;
}
