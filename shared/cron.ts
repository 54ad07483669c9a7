/** Cron schedules: a thin wrapper around croner. The caller gives the time; nothing here reads a clock or sets a timer. */
import { Cron } from 'croner';

export interface ScheduleSpec {
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA time zone. Empty: UTC. */
  readonly timeZone: string;
}

/** A schedule that parses. It may still never fire. */
export interface Schedule extends ScheduleSpec {
  /** Paused for ever: only asked, never run. */
  readonly job: Cron;
}

export type ScheduleResult =
  | { readonly kind: 'ok'; readonly schedule: Schedule }
  /** `field` is the field of ScheduleTrigger that is wrong. */
  | {
      readonly kind: 'error';
      readonly reason: 'SCHEDULE_INVALID';
      readonly field: 'cron' | 'time_zone';
      readonly description: string;
    };

function invalid(field: 'cron' | 'time_zone', description: string): ScheduleResult {
  return { kind: 'error', reason: 'SCHEDULE_INVALID', field, description };
}

/** croner looks at the zone only when it computes a time, so it is tried here. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Reads a schedule. Nicknames (`@daily`), years and `?` (croner reads it as "the time of parsing") are refused. */
export function parseSchedule(spec: ScheduleSpec): ScheduleResult {
  const timeZone = spec.timeZone || 'UTC';
  // An offset such as +02:00 is no zone: it would ignore daylight saving time without a word.
  if (!/^[A-Za-z]/.test(timeZone) || !isTimeZone(timeZone)) {
    return invalid(
      'time_zone',
      `"${spec.timeZone}" is not a time zone; use an IANA name such as Europe/Berlin, or UTC`,
    );
  }
  const fields = spec.cron.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    return invalid('cron', `"${spec.cron}" has ${fields.length} fields; it needs five, or six with seconds first`);
  }
  if (spec.cron.includes('?')) return invalid('cron', '"?" is not supported; use "*"');
  try {
    const job = new Cron(fields.join(' '), { timezone: timeZone, paused: true, mode: '5-or-6-parts' });
    return { kind: 'ok', schedule: { cron: spec.cron, timeZone, job } };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return invalid('cron', `"${spec.cron}" is not a cron pattern: ${why}`);
  }
}

/**
 * The first tick after `afterWallMs` (milliseconds since 1970, exclusive), or undefined when there is none, as on 30 February.
 * In the hour that daylight saving time leaves out, a fixed time fires when it is over; in the hour that comes twice, once.
 */
export function nextTick(schedule: Schedule, afterWallMs: number): number | undefined {
  return schedule.job.nextRun(new Date(afterWallMs))?.getTime();
}
