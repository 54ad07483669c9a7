/**
 * Cron schedules. croner reads the pattern and finds the readings of a clock that match it; which instants these are, when clocks are
 * changed, is decided here (docs/adr/0009). The caller gives the time; nothing here reads a clock or sets a timer.
 */
import { Cron } from 'croner';
import { instantsOf, localAt, nextChange, type Zone, zoneNamed } from './local-time.ts';

export interface ScheduleSpec {
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA time zone. Empty: UTC. */
  readonly timeZone: string;
}

/** A schedule that parses. It may still never fire. */
export interface Schedule extends ScheduleSpec {
  readonly zone: Zone;
  /** Readings of the zone's clocks, taken as times in UTC. Paused for ever: only asked, never run. */
  readonly readings: Cron;
  /** Whether hour and minute are fixed: numbers, lists or ranges, no `*` and no step. */
  readonly fixed: boolean;
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

/** Reads a schedule. Nicknames (`@daily`), years and `?` (croner reads it as "the time of parsing") are refused. */
export function parseSchedule(spec: ScheduleSpec): ScheduleResult {
  const timeZone = spec.timeZone || 'UTC';
  // An offset such as +02:00 is no zone: it would ignore daylight saving time without a word.
  const zone = /^[A-Za-z]/.test(timeZone) ? zoneNamed(timeZone) : undefined;
  if (zone === undefined) {
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
    const readings = new Cron(fields.join(' '), { timezone: 'UTC', paused: true, mode: '5-or-6-parts' });
    const fixed = fields.slice(-5, -3).every((field) => !/[*/]/.test(field));
    return { kind: 'ok', schedule: { cron: spec.cron, timeZone, zone, readings, fixed } };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return invalid('cron', `"${spec.cron}" is not a cron pattern: ${why}`);
  }
}

/**
 * The first tick after `afterWallMs` (milliseconds since 1970, exclusive), or undefined when there is none, as on 30 February.
 *
 * A schedule with a *fixed* hour and minute fires once on each day that has it: where a change of the clocks leaves it out, at the moment of
 * the change; where the clocks show it twice, the first time. Any other follows real time: it fires whenever the clocks show a match.
 */
export function nextTick(schedule: Schedule, afterWallMs: number): number | undefined {
  return schedule.fixed ? nextFixedTick(schedule, afterWallMs) : nextShownTick(schedule, afterWallMs);
}

/** The next reading that matches, after `local` (exclusive). */
function nextReading({ readings }: Schedule, local: number): number | undefined {
  return readings.nextRun(new Date(local))?.getTime();
}

function nextFixedTick(schedule: Schedule, after: number): number | undefined {
  const { zone } = schedule;
  let local = furthestReading(zone, after);
  for (;;) {
    const reading = nextReading(schedule, local);
    if (reading === undefined) return undefined;
    const instants = instantsOf(zone, reading);
    const at = instants.kind === 'once' ? instants.at : instants.kind === 'twice' ? instants.first : instants.over;
    if (at > after) return at;
    // A later reading never fires earlier, and no more readings than those of one change can fire at `after` or before it.
    local = reading;
  }
}

/** The furthest that the clocks had come until an instant. In an hour that comes for the second time, that is its end. */
function furthestReading(zone: Zone, instant: number): number {
  const local = localAt(zone, instant);
  const instants = instantsOf(zone, Math.floor(local / 1000) * 1000);
  if (instants.kind !== 'twice' || Math.floor(instant / 1000) * 1000 !== instants.second) return local;
  const change = nextChange(zone, instants.first, instants.second);
  return change === undefined ? local : change - 1 + zone.offsetAt(instants.first);
}

function nextShownTick(schedule: Schedule, after: number): number | undefined {
  const { zone } = schedule;
  /** Where the search stands: everything up to here is done. */
  let from = after;
  for (;;) {
    const offset = zone.offsetAt(from);
    const reading = nextReading(schedule, from + offset);
    if (reading === undefined) return undefined;
    const at = reading - offset;
    const change = nextChange(zone, from, at);
    if (change === undefined) return at;
    // The clocks are changed before or at that instant. On the other side the moment of the change itself counts.
    from = change - 1;
    const offsetThen = zone.offsetAt(change);
    const readingThen = nextReading(schedule, from + offsetThen);
    if (readingThen === undefined) return undefined;
    if (readingThen - offsetThen === change) return change;
    from = change;
  }
}
