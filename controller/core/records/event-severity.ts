/** How much an event of a type matters to whoever is woken by it. Types that are not here are INFO: what was wanted, or is over. */
import type { EventType, KnownEvent } from './event-type.ts';
import { UNKNOWN_WORD } from './run-reason.ts';

/** In the order of their weight. WARNING: somebody may want to look. ERROR: somebody has to. */
export const SEVERITIES = ['INFO', 'WARNING', 'ERROR'] as const;
export type Severity = (typeof SEVERITIES)[number];

const ABOVE_INFO: { readonly [T in EventType]?: Exclude<Severity, 'INFO'> } = {
  CONTROLLER_PAUSED: 'WARNING',
  STORE_DOUBTED: 'WARNING',
  STORE_BEHIND: 'ERROR',
  HOOK_FAILING: 'WARNING',
  HOOK_EVENTS_LOST: 'WARNING',
  STORM_BEGAN: 'ERROR',
  SERVER_SUSPECT: 'WARNING',
  SERVER_MISSING: 'ERROR',
  SERVER_IDENTITY_CHANGED: 'WARNING',
  DUPLICATE_IDENTITY: 'ERROR',
  SERVER_PROBE_FAILING: 'WARNING',
  SERVER_SATURATED: 'WARNING',
  SERVER_PROBATION: 'ERROR',
  SERVER_QUARANTINED: 'WARNING',
  SCHEDULE_SKIPPED: 'WARNING',
  SCHEDULE_RESET: 'WARNING',
  RUN_FENCING: 'WARNING',
  RUN_STUCK: 'ERROR',
  RUN_BACKOFF: 'ERROR',
  RUN_OVERLAPPING: 'WARNING',
  RUN_MOVE_ABANDONED: 'WARNING',
  RUN_ABANDONED: 'WARNING',
  RUN_FAILED: 'ERROR',
};

/** Undefined: this controller does not know the type. */
export const severityOf = (type: KnownEvent): Severity | undefined =>
  type === UNKNOWN_WORD ? undefined : (ABOVE_INFO[type] ?? 'INFO');

/** Whether it is that, or weighs more. What is not known may be anything. */
export const isAtLeast = (type: KnownEvent, least: Severity): boolean =>
  SEVERITIES.indexOf(severityOf(type) ?? 'ERROR') >= SEVERITIES.indexOf(least);
