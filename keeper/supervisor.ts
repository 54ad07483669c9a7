/**
 * Keeps the attempts: does what `deadline.ts` says is due, and proves their ends.
 *
 * One timer serves all attempts. Its firing means nothing but "look again": what is due is decided from the clocks, each time.
 */

import { messageOf } from '../shared/caught-error.ts';
import { EndCause } from '../shared/gen/locum/v1/run_pb.ts';
import { readClocks } from '../shared/host/clocks.ts';
import type { Deadline, Reading } from '../shared/lease-clock.ts';
import { type Attempt, type EndReason, endOf, keptAttempt, stateOf } from './attempt.ts';
import type { AttemptTable } from './attempt-table.ts';
import { refusedEnd } from './core/attempt.ts';
import { type Decision, decide, extended, firstKill, stopNow } from './core/deadline.ts';
import { type Refusal, refuse } from './core/refusal.ts';
import type { ProcessExit } from './gate.ts';
import type { Journal } from './journal.ts';
import { attemptRecord, forgottenRecord } from './journal-state.ts';
import type { KeeperLog } from './keeper-log.ts';

/** Looks again at least this often while something lives: timers do not count suspend, the clocks do. */
const LONGEST_WAIT_MS = 1_000;
/** Looks again at a tree that outlives its first process, in case that nothing reports its end. */
const EMPTY_POLL_MS = 250;

export interface SupervisorOptions {
  readonly table: AttemptTable;
  readonly journal: Journal;
  readonly bootId: string;
  readonly log: KeeperLog;
  /** Told of every change that an agent should know. */
  readonly onChange: (attempt: Attempt) => void;
}

export class Supervisor {
  private readonly options: SupervisorOptions;
  private timer: NodeJS.Timeout | undefined;
  /** Monotonic time at which the timer fires. */
  private timerAtMs = Number.POSITIVE_INFINITY;
  /** Attempts whose tree is being looked into; true: look once more after that. */
  private readonly looking = new Map<Attempt, boolean>();
  private readonly watches = new Map<Attempt, () => void>();

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  /** Takes an attempt into the table. */
  admit(attempt: Attempt): void {
    this.options.table.add(attempt);
    this.options.onChange(attempt);
    this.look(attempt, readClocks());
  }

  /** The program runs. */
  started(attempt: Attempt): void {
    this.options.onChange(attempt);
    this.look(attempt, readClocks());
  }

  /** The program will never run. Resolves when that is proven. */
  failed(attempt: Attempt, refusal: Refusal): Promise<void> {
    const { cause, detail } = refusedEnd(refusal);
    attempt.reason ??= { cause: EndCause[cause], detail };
    if (attempt.gate === undefined) attempt.isReaped = true;
    // Not told as a change: what ends here never ran.
    attempt.stage = firstKill(readClocks()).stage;
    attempt.gate?.kill();
    this.wakeIn(EMPTY_POLL_MS);
    this.settle(attempt);
    return attempt.whenEnded.promise;
  }

  /** The first process is reaped. While the start is not over, its flow sees that itself. */
  reaped(attempt: Attempt, exit: ProcessExit): void {
    attempt.exit = exit;
    attempt.isReaped = true;
    if (attempt.stage.kind === 'starting') return;
    attempt.reason ??= { cause: EndCause.EXITED, detail: '' };
    this.settle(attempt);
  }

  stop(attempt: Attempt, reason: EndReason): void {
    if (attempt.ended !== undefined) return;
    attempt.reason ??= reason;
    if (attempt.stage.kind === 'starting') this.abandon(attempt, refuse('STOPPED', reason.detail));
    else this.apply(attempt, stopNow(attempt.stage, attempt.terms, attempt.deadline, readClocks()));
  }

  /** Kills without grace what an earlier keeper left. */
  killLeftover(attempt: Attempt, reason: EndReason): void {
    attempt.reason = reason;
    this.options.table.add(attempt);
    this.apply(attempt, firstKill(readClocks()));
    this.settle(attempt);
  }

  /** Whether the deadline was moved. */
  extend(attempt: Attempt, to: Deadline): boolean {
    if (attempt.ended !== undefined || attempt.isReaped) return false;
    const deadline = extended(attempt, to, readClocks());
    if (deadline === undefined) return false;
    attempt.deadline = deadline;
    return true;
  }

  close(): void {
    clearTimeout(this.timer);
    for (const end of this.watches.values()) end();
  }

  private lookAtAll(): void {
    const now = readClocks();
    for (const attempt of this.options.table.living) this.look(attempt, now);
  }

  private look(attempt: Attempt, now: Reading): void {
    if (attempt.ended !== undefined) return;
    const decision = decide(attempt.stage, attempt.terms, attempt.deadline, now);
    if (decision.order === 'abandon') {
      this.abandon(attempt, refuse('DEADLINE_PAST', 'its deadline passed before the program could run'));
      return;
    }
    if (decision.order !== 'nothing') attempt.reason ??= lapsed(attempt);
    this.apply(attempt, decision);
    if (attempt.isReaped && attempt.stage.kind !== 'starting') {
      this.wakeIn(EMPTY_POLL_MS);
      this.settle(attempt);
    }
  }

  /** Shuts the gate for good. The start's own flow ends the attempt; until then it is looked at again. */
  private abandon(attempt: Attempt, refusal: Refusal): void {
    attempt.abandoned ??= refusal;
    attempt.gate?.kill();
    this.wakeIn(LONGEST_WAIT_MS);
  }

  private apply(attempt: Attempt, { stage, order, wakeMs }: Decision): void {
    const before = stateOf(attempt);
    attempt.stage = stage;
    const isNews = stateOf(attempt) !== before;
    this.wakeIn(wakeMs);
    if (order === 'terminate') this.act(attempt, 'SIGTERM', attempt.tree?.terminate());
    if (order === 'kill') {
      attempt.gate?.kill();
      this.act(attempt, 'SIGKILL', attempt.tree?.kill());
    }
    if (isNews) this.options.onChange(attempt);
    if (isNews && stage.kind === 'stuck') this.options.log.error(`can't kill the process tree of ${attempt.key}`);
  }

  private act(attempt: Attempt, what: string, done: Promise<void> | undefined): void {
    done?.then(
      () => this.settle(attempt),
      (error: unknown) =>
        this.options.log.error(`${what} to the process tree of ${attempt.key} failed: ${messageOf(error)}`),
    );
  }

  /** Ends the attempt if its end can be proven: its first process is reaped *and* its tree is empty; never one alone. */
  private settle(attempt: Attempt): void {
    if (!attempt.isReaped || attempt.ended !== undefined) return;
    if (this.looking.has(attempt)) {
      this.looking.set(attempt, true);
      return;
    }
    this.looking.set(attempt, false);
    void this.lookInto(attempt)
      .catch((error: unknown) => {
        this.options.log.error(`can't look into the process tree of ${attempt.key}: ${messageOf(error)}`);
      })
      .then(() => {
        const again = this.looking.get(attempt) === true;
        this.looking.delete(attempt);
        if (again) this.settle(attempt);
      });
  }

  private async lookInto(attempt: Attempt): Promise<void> {
    const { tree } = attempt;
    if (tree === undefined || (await tree.isEmpty())) {
      await this.finish(attempt);
      return;
    }
    if (!this.watches.has(attempt))
      this.watches.set(
        attempt,
        tree.watch(() => this.settle(attempt)),
      );
    // What the first process left running gets the same grace as any stopped tree.
    this.apply(attempt, stopNow(attempt.stage, attempt.terms, attempt.deadline, readClocks()));
    this.wakeIn(EMPTY_POLL_MS);
  }

  private async finish(attempt: Attempt): Promise<void> {
    this.watches.get(attempt)?.();
    this.watches.delete(attempt);
    // An empty cgroup that stays is taken away when the keeper ends.
    await attempt.tree
      ?.remove()
      .catch((error: unknown) => this.options.log.warn(`${attempt.key}: ${messageOf(error)}`));
    attempt.ended = { end: endOf(attempt), wallMs: Date.now() };
    this.noteEnd(attempt);
    this.options.onChange(attempt);
    attempt.whenEnded.resolve();
    await attempt.output?.finish();
    if (attempt.output?.problem) this.options.log.warn(`output of ${attempt.key} was lost: ${attempt.output.problem}`);
  }

  private noteEnd(attempt: Attempt): void {
    const { table, journal, bootId, log } = this.options;
    journal.append(attemptRecord({ kept: keptAttempt(attempt), bootId })).catch((error: unknown) => {
      log.error(`can't write the end of ${attempt.key} to the journal: ${messageOf(error)}`);
    });
    for (const dropped of table.noteEnd(attempt)) {
      log.warn(`dropped the end of ${dropped.key}: too many ended attempts that no agent has asked to forget`);
      journal.append(forgottenRecord(dropped.run, dropped.epoch)).catch(() => undefined);
    }
  }

  /** Looks again after this time at the latest. */
  private wakeIn(ms: number): void {
    const inMs = Math.max(1, Math.ceil(Math.min(ms, LONGEST_WAIT_MS)));
    const atMs = performance.now() + inMs;
    if (atMs >= this.timerAtMs) return;
    clearTimeout(this.timer);
    this.timerAtMs = atMs;
    this.timer = setTimeout(() => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.lookAtAll();
    }, inMs);
  }
}

function lapsed(attempt: Attempt): EndReason {
  return {
    cause: EndCause.LAPSED,
    detail: `its lease ended: no leader extended the deadline of epoch ${attempt.epoch}`,
  };
}
