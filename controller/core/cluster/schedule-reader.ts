/** How the core asks about cron patterns: a pure function of its arguments, given by the shell. */
export interface ScheduleText {
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA time zone; empty: UTC. */
  readonly timeZone: string;
}

export type NextTick =
  | { readonly kind: 'tick'; readonly wall: number }
  | { readonly kind: 'never' }
  | { readonly kind: 'invalid'; readonly field: 'cron' | 'time_zone'; readonly description: string };

export type ScheduleReader = (schedule: ScheduleText, afterWall: number) => NextTick;
