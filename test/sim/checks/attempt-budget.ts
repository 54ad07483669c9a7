/**
 * No run is tried over and over: an attempt that came to nothing for a reason of its host costs time before the next one, whatever
 * the reason is (semantics 7). A host that kills, refuses or loses everything would else be handed hundreds of attempts in a minute.
 */
import type { EndCause } from '../../../shared/protocol/attempt.ts';
import { MINUTE } from '../../../shared/time.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Verdict } from '../violation.ts';
import type { NotedEnd } from './ledger.ts';

const WINDOW_MS = 10 * MINUTE;
/** In any ten minutes, of one run on one server (ADR 0011). */
export const MOST_IN_WINDOW = 40;

/** Ends that a workload or an operator brought about have budgets of their own, or none. */
const COUNTED: ReadonlySet<EndCause> = new Set<EndCause>(['UNKNOWN', 'REFUSED', 'SPAWN_FAILED', 'LOST']);

export class AttemptBudget {
  readonly #queue: EventQueue;
  readonly #verdict: Verdict;
  readonly #ends = new Map<string, number[]>();

  constructor(queue: EventQueue, verdict: Verdict) {
    this.#queue = queue;
    this.#verdict = verdict;
  }

  /** To be called for each end that is committed. */
  ended({ run, server, cause }: NotedEnd): void {
    if (!COUNTED.has(cause)) return;
    const key = `${run} on ${server}`;
    const { now } = this.#queue;
    const recent = [...(this.#ends.get(key) ?? []).filter((at) => at > now - WINDOW_MS), now];
    this.#ends.set(key, recent);
    if (recent.length <= MOST_IN_WINDOW) return;
    this.#verdict.breaks(
      'I5',
      now,
      `${recent.length} attempts of ${key} came to nothing within ten minutes, the last one ${cause}`,
    );
  }
}
