/** What a policy wants of its runs: a continuous one keeps its number, a schedule fires, a deleted one winds down. */

import { MINUTE, SECOND } from '../../../shared/time.ts';
import { change, remove, SILENT, tell } from '../cluster/change.ts';
import { policyLiveOf } from '../cluster/cluster.ts';
import { runsOf } from '../cluster/run-lists.ts';
import type { Turn } from '../cluster/turn.ts';
import type { CauseOf } from '../records/event-type.ts';
import { byNumber } from '../records/run-number.ts';
import type { ReasonIn } from '../records/run-state.ts';
import type { Policy, Run, Trigger } from '../records/state.ts';
import { createRun } from './run.ts';

/** A tick this late was missed: nobody was there to fire it. */
const MISSED_AFTER_MS = 10 * SECOND;
/** A schedule is looked at again at the latest after this; wall clocks are set. */
const LOOK_AGAIN_MS = 30 * SECOND;
/** No more than this is told of times that were left out. */
const MAX_COUNTED = 1_000_000;
/** Clocks of controllers differ a little; a last time further ahead than this was noted by one that was wrong. */
const AHEAD_MS = 10 * MINUTE;
/** So many ticks are counted one by one when catching up. */
const CATCH_UP_MAX = 10_000;

export function upkeep(turn: Turn, policy: Policy): void {
  if (policy.deleting) {
    windDown(turn, policy);
    return;
  }
  const { trigger } = policy.spec;
  if (trigger.kind === 'continuous') keepNumber(turn, policy);
  if (trigger.kind === 'schedule') fireSchedule(turn, policy, trigger);
}

/** Every run stops; with the last proof the record goes, and its name is free again. */
function windDown(turn: Turn, policy: Policy): void {
  const runs = runsOf(turn.state, policy);
  for (const run of runs) wantStopped(turn, run, 'POLICY_DELETED', 'its policy was deleted');
  if (runs.length > 0) return;
  remove(turn, policy, { type: 'POLICY_DELETED', cause: 'ALL_ENDED', message: `${policy.id} is gone` });
}

/** Says that a run is no longer wanted. It ends once its last attempt is proven ended. */
export function wantStopped(turn: Turn, run: Run, reason: ReasonIn<'STOPPED'>, message: string): void {
  if (run.desired === 'STOPPED') return;
  const outcome = { kind: 'STOPPED', reason, message } as const;
  const text = `${run.id} is wanted no more: ${message}`;
  change(turn, run, { desired: 'STOPPED', outcome }, { type: 'RUN_STOP_REQUESTED', cause: reason, message: text });
}

function keepNumber(turn: Turn, policy: Policy): void {
  const { tooFew, tooMany } = surplusOf(policy, runsOf(turn.state, policy));
  for (let i = 0; i < tooFew; i += 1) createRun(turn, policy, 'CONTINUOUS', []);
  for (const run of tooMany) wantStopped(turn, run, 'MAX_CONCURRENT_RUNS', 'the policy allows fewer runs now');
}

/** How far a continuous policy's unended runs are from the number that it keeps. A paused one starts none; the newest are too many. */
export function surplusOf(
  { spec, paused }: Pick<Policy, 'spec' | 'paused'>,
  runs: readonly Run[],
): { readonly tooFew: number; readonly tooMany: readonly Run[] } {
  const wanted = spec.maxConcurrentRuns;
  const standing = runs.filter((run) => run.desired === 'RUNNING').sort((a, b) => byNumber(a.id, b.id));
  return {
    tooFew: paused ? 0 : Math.max(0, wanted - runs.length),
    tooMany: standing.slice(wanted),
  };
}

type Schedule = Extract<Trigger, { readonly kind: 'schedule' }>;

/** Fires what is due. The commit that creates the run writes last_tick, so a tick fires once (semantics 7). */
function fireSchedule(turn: Turn, policy: Policy, schedule: Schedule): void {
  const { now } = turn;
  payOwedRun(turn, policy);
  forgetTicksAhead(turn, policy);
  const last = lastTickOf(policy);
  const next = turn.schedules(schedule, last);
  if (next.kind !== 'tick') return;
  // Resuming looks again; until then a time that has come would be due for ever.
  if (policy.paused) return;
  if (next.wall > now.wall) {
    armSchedule(turn, policy, next.wall);
    return;
  }
  const { tick, passed } = newestDue(turn, schedule, next.wall);
  const missed = now.wall - tick > MISSED_AFTER_MS;
  const room = hasRoom(turn, policy);
  const isLeftOut = missed && schedule.missed === 'SKIP';
  const waits = !room && !isLeftOut && !policy.owesRun && schedule.overlap !== 'SKIP';
  // Shown until a run is made again: a job that hangs must not be found out by its absence.
  const skippedTicks = room ? 0 : Math.min(MAX_COUNTED, policy.skippedTicks + (waits ? passed - 1 : passed));
  // Told is what comes of it: a run, or that there is none.
  change(turn, policy, { lastTickWall: tick, skippedTicks, owesRun: policy.owesRun || waits }, SILENT);
  if (isLeftOut) skipTick(turn, policy, 'MISSED', `${passed} missed times are left out`);
  else if (waits) oweRun(turn, policy, schedule);
  else if (!room) skipTick(turn, policy, 'TOO_MANY_RUNS', 'an earlier run has not ended');
  else createRun(turn, policy, missed ? 'SCHEDULE_MISSED' : 'SCHEDULE', []);
  const after = turn.schedules(schedule, tick);
  if (after.kind === 'tick') armSchedule(turn, policy, after.wall);
}

const hasRoom = ({ state }: Turn, policy: Policy): boolean =>
  policyLiveOf(state, policy).runs.size < policy.spec.maxConcurrentRuns;

/** The run of a time that has come waits for the end of an earlier one, which REPLACE brings about. */
function oweRun(turn: Turn, policy: Policy, { overlap }: Schedule): void {
  const message = `${policy.id} starts a run once an earlier one has ended`;
  tell(turn, policy, { type: 'SCHEDULE_WAITS', cause: 'TOO_MANY_RUNS', message });
  if (overlap !== 'REPLACE') return;
  const standing = runsOf(turn.state, policy).filter((run) => run.desired === 'RUNNING');
  const [oldest] = standing.toSorted((a, b) => byNumber(a.id, b.id));
  if (oldest !== undefined) wantStopped(turn, oldest, 'REPLACED', 'the next time of its schedule has come');
}

function payOwedRun(turn: Turn, policy: Policy): void {
  if (!policy.owesRun || policy.paused || !hasRoom(turn, policy)) return;
  // The run is told.
  change(turn, policy, { owesRun: false, skippedTicks: 0 }, SILENT);
  createRun(turn, policy, 'SCHEDULE_WAITED', []);
}

const lastTickOf = ({ lastTickWall, scheduledFromWall, createWall }: Policy): number =>
  Math.max(lastTickWall ?? 0, scheduledFromWall ?? createWall);

/** Noted by a wall clock that was ahead, this leader's or another's. The schedule would stand still until the time comes again. */
function forgetTicksAhead(turn: Turn, policy: Policy): void {
  const { wall } = turn.now;
  const aheadMs = lastTickOf(policy) - wall;
  if (aheadMs <= AHEAD_MS) return;
  const message = `${policy.id} counts from now on: its last time was ${Math.round(aheadMs / SECOND)} s ahead of the clock`;
  const news = { type: 'SCHEDULE_RESET', cause: 'CLOCK_WENT_BACK', message } as const;
  change(turn, policy, { lastTickWall: undefined, scheduledFromWall: wall }, news);
}

/** The newest tick that is due, and how many are. */
function newestDue(turn: Turn, schedule: Schedule, first: number): { readonly tick: number; readonly passed: number } {
  let tick = first;
  for (let passed = 1; passed < CATCH_UP_MAX; passed += 1) {
    const next = turn.schedules(schedule, tick);
    if (next.kind !== 'tick' || next.wall > turn.now.wall) return { tick, passed };
    tick = next.wall;
  }
  return { tick: turn.now.wall, passed: CATCH_UP_MAX };
}

function skipTick(turn: Turn, policy: Policy, cause: CauseOf<'SCHEDULE_SKIPPED'>, message: string): void {
  tell(turn, policy, { type: 'SCHEDULE_SKIPPED', cause, message: `${policy.id} does not start: ${message}` });
}

function armSchedule(turn: Turn, policy: Policy, wall: number): void {
  policyLiveOf(turn.state, policy).nextTickWall = wall;
  const inMs = Math.min(LOOK_AGAIN_MS, Math.max(0, wall - turn.now.wall));
  turn.policyWheel.set(policy.id, turn.now.mono + inMs);
}
