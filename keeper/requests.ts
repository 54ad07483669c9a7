/** What an agent can ask, request by request. Everything is checked here: an agent may be of another version, or broken. */

import { messageOf } from '../shared/caught-error.ts';
import type {
  Deadline as DeadlineMessage,
  Extend,
  Forget,
  Read,
  Start,
  Stop,
} from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { EndCause } from '../shared/gen/locum/v1/run_pb.ts';
import type { Deadline } from '../shared/lease-clock.ts';
import { type Attempt, attemptOf } from './attempt.ts';
import type { AttemptFolders } from './attempt-folders.ts';
import type { AttemptTable } from './attempt-table.ts';
import { MAX_LIVING_ATTEMPTS } from './core/limits.ts';
import { type Refusal, refuse } from './core/refusal.ts';
import type { Journal } from './journal.ts';
import { forgottenRecord, highestTermRecord, spentRecord } from './journal-state.ts';
import type { KeeperLog } from './keeper-log.ts';
import { type StartTools, startProgram } from './start-flow.ts';
import type { Supervisor } from './supervisor.ts';

/** A Result without the id of its request. */
export interface Outcome {
  readonly ok: boolean;
  readonly reason?: string;
  readonly detail?: string;
  readonly pid?: number;
  readonly refused?: Array<{ readonly run: string; readonly epoch: bigint }>;
}

/** A ReadResult without the id of its request. */
export interface ReadOutcome {
  readonly offset?: bigint;
  readonly data?: Uint8Array;
  readonly size?: bigint;
  readonly end?: boolean;
  readonly error?: string;
}

export interface RequestTools {
  readonly table: AttemptTable;
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  readonly folders: AttemptFolders;
  readonly start: StartTools;
  readonly log: KeeperLog;
  /** Whether the keeper is about to end. */
  readonly isLeaving: () => boolean;
}

/** It becomes the name of a folder and of a cgroup. */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,79}$/;

/** The answer comes when the program runs, or is known never to run. */
export async function handleStart(start: Start, tools: RequestTools): Promise<Outcome> {
  const deadline = deadlineOf(start.deadline);
  const epoch = Number(start.epoch);
  if (!RUN_ID.test(start.run) || !isEpoch(epoch) || deadline === undefined) {
    return refused(refuse('INVALID_REQUEST', 'a start needs the id of a run, an epoch and a deadline'));
  }
  const { journal, supervisor, table } = tools;
  const spent = journal.state.spent.isSpent(start.run, epoch);
  if (spent)
    return refused(refuse('EPOCH_SPENT', `epoch ${epoch} or a later one of ${start.run} was seen here before`));
  const problem = whyNoStart(tools);
  if (problem !== undefined) {
    await spend(start.run, epoch, tools);
    return refused(problem);
  }
  const attempt = attemptOf(start, deadline);
  // Before anything waits: a second start with this epoch finds it spent.
  const spending = startProgram(attempt, start, tools.start);
  supervisor.admit(attempt);
  const refusal = await spending;
  if (refusal !== undefined) {
    await supervisor.failed(attempt, refusal);
    return refused(refusal);
  }
  supervisor.started(attempt);
  tools.log.info(`${attempt.key} runs as process ${attempt.pid}`);
  return { ok: true, pid: attempt.pid };

  function whyNoStart({ isLeaving }: RequestTools): Refusal | undefined {
    if (isLeaving()) return refuse('LEAVING', 'the keeper is about to end');
    if (table.living.size < MAX_LIVING_ATTEMPTS) return undefined;
    return refuse('TABLE_FULL', `${table.living.size} attempts live here already`);
  }
}

export function handleExtend(extend: Extend, { table, supervisor }: RequestTools): Outcome {
  const isRefused = (extension: Extend['extensions'][number]): boolean => {
    const attempt = table.get(extension.run, extension.epoch);
    const deadline = deadlineOf(extension.deadline);
    return attempt === undefined || deadline === undefined || !supervisor.extend(attempt, deadline);
  };
  return { ok: true, refused: extend.extensions.filter(isRefused).map(({ run, epoch }) => ({ run, epoch })) };
}

/** The answer comes when the stop has begun. */
export async function handleStop(stop: Stop, tools: RequestTools): Promise<Outcome> {
  const attempt = tools.table.get(stop.run, stop.epoch);
  if (attempt === undefined) {
    await spend(stop.run, Number(stop.epoch), tools);
    return refused(
      refuse('NOT_FOUND', `${stop.run} with epoch ${stop.epoch} is not here; it can't start here any more`),
    );
  }
  const cause = stop.cause === EndCause.LAPSED ? EndCause.LAPSED : EndCause.STOPPED;
  tools.supervisor.stop(attempt, { cause, detail: stop.reason });
  return { ok: true };
}

/** Attempts that are not known are forgotten already. */
export function handleForget(forget: Forget, tools: RequestTools): Outcome {
  const found = forget.attempts.flatMap(({ run, epoch }) => tools.table.get(run, epoch) ?? []);
  const living = found.filter(({ ended }) => ended === undefined);
  for (const attempt of found) if (attempt.ended !== undefined) forgetOne(attempt, tools);
  if (living.length === 0) return { ok: true };
  const detail = `still there: ${living.map(({ key }) => key).join(', ')}`;
  const names = living.map(({ run, epoch }) => ({ run, epoch: BigInt(epoch) }));
  return { ...refused(refuse('NOT_ENDED', detail)), refused: names };
}

export async function handleRead(read: Read, tools: RequestTools): Promise<ReadOutcome> {
  const { run, epoch, offset, limit } = read;
  const slice = RUN_ID.test(run)
    ? await tools.folders.readOutput(run, Number(epoch), Number(offset), limit).catch(() => undefined)
    : undefined;
  if (slice === undefined) return { error: `no output of ${run} with epoch ${epoch} is kept here` };
  const attempt = tools.table.get(run, epoch);
  const isOver = attempt === undefined || (attempt.ended !== undefined && attempt.output?.finished !== false);
  return {
    offset: BigInt(slice.offset),
    data: slice.data,
    size: BigInt(slice.size),
    end: isOver && slice.offset + slice.data.length >= slice.size,
  };
}

/** Keeps the highest term for the next agent. */
export function noteTerm(term: number, { journal, log }: RequestTools): void {
  if (!Number.isSafeInteger(term) || term <= journal.state.highestTerm) return;
  journal
    .append(highestTermRecord(term))
    .catch((error: unknown) => log.error(`can't write the term: ${messageOf(error)}`));
}

function forgetOne(attempt: Attempt, { table, journal, folders, log }: RequestTools): void {
  table.forget(attempt);
  journal.append(forgottenRecord(attempt.run, attempt.epoch)).catch((error: unknown) => log.error(messageOf(error)));
  folders.forget(attempt.run, attempt.epoch).catch((error: unknown) => log.warn(`${attempt.key}: ${messageOf(error)}`));
}

/** A spent epoch that could not be written is spent all the same, for as long as this keeper lives. */
async function spend(run: string, epoch: number, { journal, log }: RequestTools): Promise<void> {
  if (!RUN_ID.test(run) || !isEpoch(epoch)) return;
  await journal
    .append(spentRecord(run, epoch))
    .catch((error: unknown) => log.error(`can't write epoch: ${messageOf(error)}`));
}

function isEpoch(epoch: number): boolean {
  return Number.isSafeInteger(epoch) && epoch > 0;
}

function deadlineOf(message: DeadlineMessage | undefined): Deadline | undefined {
  const { monotonicMs, bootMs } = message ?? {};
  if (monotonicMs === undefined || bootMs === undefined) return undefined;
  return Number.isFinite(monotonicMs) && Number.isFinite(bootMs) ? { mono: monotonicMs, boot: bootMs } : undefined;
}

function refused({ reason, detail }: Refusal): Outcome {
  return { ok: false, reason, detail };
}
