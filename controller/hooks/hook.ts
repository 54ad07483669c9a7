/** What a hook is, what it says, and what of the hooks the API works with. */
import type { Severity } from '../core/records/event-severity.ts';
import type { EventType } from '../core/records/event-type.ts';

/** Which events a hook is told of; an empty list, or undefined, is no condition. */
export interface HookFilter {
  readonly types: readonly EventType[];
  readonly minSeverity: Severity | undefined;
  /** Full names of resources. */
  readonly about: readonly string[];
}

export interface WebhookTarget {
  readonly kind: 'WEBHOOK';
  readonly url: URL;
  readonly secretFile: string;
  readonly caFile: string | undefined;
  readonly timeoutMs: number;
  readonly allowLoopback: boolean;
}

export interface CommandTarget {
  readonly kind: 'COMMAND';
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

export interface HookSettings {
  /** Without `hooks/`. */
  readonly name: string;
  readonly target: WebhookTarget | CommandTarget;
  readonly only: HookFilter;
}

/** What came of telling a hook once. */
export interface HookAnswer {
  /** TAKEN: it has it. TURNED_AWAY: it says that it will never have this one. FAILED: it is tried again. */
  readonly kind: 'TAKEN' | 'TURNED_AWAY' | 'FAILED';
  /** In words, without secrets: `answered 204`, `exited with 1`. */
  readonly outcome: string;
  /** The beginning of what it said, for whoever tries it; in no event and no status. */
  readonly said: string;
  /** It asks to be left alone so long, milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** How much of an answer is shown. */
export const SAID_BYTES = 1024;

export const failed = (outcome: string, said = ''): HookAnswer => ({ kind: 'FAILED', outcome, said });

/** How a hook does since this controller leads. */
export interface HookProgress {
  readonly delivered: number;
  readonly failed: number;
  /** Of the last try; undefined: it took the last event, or none was told. */
  readonly problem: string | undefined;
}

/** What this controller has of hooks beside the core. */
export interface HooksPort {
  /** Of its configuration, by name. */
  readonly settings: readonly HookSettings[];
  progressOf(name: string): HookProgress;
  /** Events that a hook was not told of yet. Undefined: this controller does not lead. */
  waitingOf(settings: HookSettings): number | undefined;
  /** @throws LocumError NOT_FOUND */
  test(name: string, actor: string, signal: AbortSignal): Promise<HookAnswer>;
}
