/**
 * Schedules: no time of a schedule starts two runs, whoever leads when it comes, and none is left waiting once a leader stays. Judged by
 * the event log, and by the leader's own wall clock.
 */
import type { ScheduleReader } from '../../../controller/core/cluster/schedule-reader.ts';
import type { EventRecord, Policy, Trigger } from '../../../controller/core/records/state.ts';
import type { PolicyId } from '../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';

/** Later than this a time counts as missed (semantics 7); a little more for the turn of the leader. */
const LATE_MS = 12 * SECOND;
/** A last time that another leader's clock was ahead by so much has fired, and is waited for (semantics 4, Waiting). */
const AHEAD_MS = 10 * MINUTE;

type Schedule = Extract<Trigger, { readonly kind: 'schedule' }>;

/** What a commit tells of a schedule: a time started a run, waits for the end of an earlier one, or has waited. */
export interface Fired {
  readonly policy: PolicyId;
  /** Of the policy: one that was deleted and created anew has times of its own. */
  readonly uid: string;
  readonly what: 'STARTED' | 'WAITS' | 'WAITED';
  readonly tickWall: number;
}

/** What an event says of a schedule, if anything. */
export function firedBy(event: EventRecord, policy: Policy | undefined, read: ScheduleReader): Fired | undefined {
  const { type, cause, wall } = event;
  const what = told(type, cause);
  if (what === undefined) return undefined;
  if (policy === undefined || policy.spec.trigger.kind !== 'schedule') return undefined;
  const tickWall = newestBefore(policy.spec.trigger, wall, read);
  return { policy: policy.id, uid: policy.uid, what, tickWall };
}

function told(type: EventRecord['type'], cause: EventRecord['cause']): Fired['what'] | undefined {
  if (type === 'SCHEDULE_WAITS') return 'WAITS';
  if (type !== 'RUN_CREATED') return undefined;
  if (cause === 'SCHEDULE_WAITED') return 'WAITED';
  return cause === 'SCHEDULE' || cause === 'SCHEDULE_MISSED' ? 'STARTED' : undefined;
}

/** The newest time of a schedule that is not after this. */
function newestBefore(schedule: Schedule, wall: number, read: ScheduleReader): number {
  let tick = wall - MINUTE;
  for (;;) {
    const next = read(schedule, tick);
    if (next.kind !== 'tick' || next.wall > wall) return tick;
    tick = next.wall;
  }
}

export class Ticks {
  readonly #seen = new Set<string>();

  /** Policies that owe a run. */
  readonly #owing = new Set<string>();

  /** Complains when the same time has started a run before, or when a run was owed twice, or was not. */
  fired({ policy, uid, what, tickWall }: Fired): string | undefined {
    if (what === 'WAITS') {
      if (this.#owing.has(uid)) return `${policy} owes a second run`;
      this.#owing.add(uid);
      return undefined;
    }
    if (what === 'WAITED') return this.#owing.delete(uid) ? undefined : `${policy} started a run that was not owed`;
    const key = `${uid} ${tickWall}`;
    if (this.#seen.has(key)) return `${policy} was started twice for ${new Date(tickWall).toISOString()}`;
    this.#seen.add(key);
    return undefined;
  }
}

/** Why a schedule does not fire as it should; undefined: it does, or is paused. `clocksAgree`: no leader's clock was ahead of another's. */
export function overdueTick(
  policy: Policy,
  { wall, clocksAgree, read }: { readonly wall: number; readonly clocksAgree: boolean; readonly read: ScheduleReader },
): string | undefined {
  const { trigger } = policy.spec;
  if (trigger.kind !== 'schedule' || policy.paused) return undefined;
  const last = Math.max(policy.lastTickWall ?? 0, policy.scheduledFromWall ?? policy.createWall);
  const next = read(trigger, last);
  if (next.kind !== 'tick') return undefined;
  if (next.wall < wall - LATE_MS) return `its time of ${new Date(next.wall).toISOString()} has not come to anything`;
  const waitMs = MINUTE + (clocksAgree ? 0 : AHEAD_MS);
  if (next.wall > wall + waitMs) return `it waits for ${new Date(next.wall).toISOString()}`;
  return undefined;
}
