import type { PolicyId, RunId, SessionId, Uid } from '../../../shared/ids.ts';
import type { FrozenTerms, Workload } from './state.ts';
import type { Timers } from './timers.ts';

export interface Verdict {
  readonly run: RunId;
  readonly epoch: number;
  readonly action: 'KEEP' | 'ADOPT' | 'STOP';
  readonly reason: string;
}

/** What goes to an agent. The shell adds the term. */
export type ToAgent =
  | {
      readonly kind: 'welcome';
      readonly session: SessionId;
      readonly uid: Uid;
      readonly timers: Timers;
      readonly verdicts: readonly Verdict[];
    }
  | { readonly kind: 'grant'; readonly sequence: number; readonly generation: number }
  | {
      readonly kind: 'start';
      readonly commandId: number;
      readonly generation: number;
      readonly sequence: number;
      readonly run: RunId;
      readonly policy: PolicyId;
      readonly epoch: number;
      readonly terms: FrozenTerms;
      readonly workload: Workload;
      readonly arguments: readonly string[];
      readonly slots: number;
    }
  | {
      readonly kind: 'stop';
      readonly commandId: number;
      readonly generation: number;
      readonly run: RunId;
      readonly epoch: number;
      readonly reason: string;
    }
  | { readonly kind: 'ack'; readonly attempts: readonly { readonly run: RunId; readonly epoch: number }[] }
  | { readonly kind: 'report_full_state'; readonly reason: string }
  | { readonly kind: 'verdicts'; readonly generation: number; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'timers_changed'; readonly timers: Timers };
