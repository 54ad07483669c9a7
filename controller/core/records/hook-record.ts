/** How far a hook is, so that the next leader goes on from there (docs/notifications.md). */

export interface HookRecord {
  readonly kind: 'hook';
  /** Its name in the configuration, without `hooks/`. */
  readonly hook: string;
  /** Number of the newest event that it was told of, or that it does not want. */
  readonly position: number;
  /** It takes nothing; undefined: it does. */
  readonly failing: HookFailing | undefined;
}

export interface HookFailing {
  readonly sinceWall: number;
  /** In words; without secrets, for events and snapshots have it. */
  readonly problem: string;
}

/** What there is to tell of a hook, beside how far it is. */
export type HookNews =
  | { readonly kind: 'TAKES' }
  /** In words; without secrets. */
  | { readonly kind: 'FAILS'; readonly problem: string }
  /** Events that it wants may have been dropped to make room, up to this one. */
  | { readonly kind: 'DROPPED'; readonly upTo: number }
  /** It answered again and again that it will not take this one. */
  | { readonly kind: 'TURNED_AWAY'; readonly event: number; readonly problem: string };
