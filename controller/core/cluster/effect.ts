/**
 * What the core asks the shell to do, in this order and now. The core holds back by itself whatever depends on a commit
 * or a check of the term until the shell has reported it, so the performer has no choices (semantics C1, C4; docs/architecture.md,
 * "Effects have an order").
 */
import type { LocumError } from '../../../shared/errors.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import type { ConnId, StateRecord } from '../records/state.ts';
import type { CallId, CallResult } from './event.ts';

export type RecordWrite =
  | { readonly kind: 'put'; readonly key: string; readonly record: StateRecord }
  | { readonly kind: 'delete'; readonly key: string };

/** Resources whose watchers should look again. Events are given whole. */
export interface Changed {
  readonly key: string;
  readonly deleted: boolean;
}

export type Effect =
  /**
   * Commit these writes as one, number `commit` of this term: all of them or none. Records are live objects: encode them before the
   * next step.
   */
  | {
      readonly kind: 'persist';
      readonly commit: number;
      readonly writes: readonly RecordWrite[];
    }
  /** Ask the store, from now on, whether the term is still the current one; answer `term_verified`, or depose this leader. */
  | { readonly kind: 'verify_term'; readonly check: number }
  | { readonly kind: 'send'; readonly conn: ConnId; readonly message: LeaderMessage }
  /** End a stream, after what was sent on it. Without an error it ends normally. */
  | { readonly kind: 'close'; readonly conn: ConnId; readonly error: LocumError | undefined }
  | { readonly kind: 'reply'; readonly call: CallId; readonly result: CallResult }
  | { readonly kind: 'publish'; readonly changes: readonly Changed[] };
