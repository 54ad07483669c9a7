/**
 * One term of leadership in the simulated world: a fresh real core, its committer, its streams and its calls. It follows the rules of
 * controller/engine/loop.ts, effects.ts and reign.ts: events of the shell before mail, one flush per drain, effects in their order.
 */

import type { Effect, RecordWrite } from '../../controller/core/cluster/effect.ts';
import type { AdminCall, CallResult, Event, FromShell } from '../../controller/core/cluster/event.ts';
import type { ScheduleReader } from '../../controller/core/cluster/schedule-reader.ts';
import { Core } from '../../controller/core/core.ts';
import type { ConnId, StateRecord } from '../../controller/core/records/state.ts';
import { unreachable } from '../../shared/assert.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import type { Now } from '../../shared/time.ts';
import type { BatchFacts } from './checks/ledger.ts';
import type { SimCommitter } from './committer.ts';
import type { Encoded, SimStore } from './store.ts';

/** Whoever watches over the promises from outside. */
export interface ReignWatch {
  /** The core has settled a drain and these are its effects; called before any of them is performed. */
  flushed(reign: SimReign, effects: readonly Effect[], now: Now): void;
  /** These records are handed to the store; what they say becomes true when they are committed. */
  persisting(reign: SimReign, writes: readonly RecordWrite[]): BatchFacts;
  /** A message is handed to a stream. */
  sending(reign: SimReign, conn: ConnId, message: LeaderMessage): void;
  /** The core was elected; its indices may be watched. */
  elected(reign: SimReign): void;
}

export interface ReignOptions {
  readonly controller: string;
  readonly term: number;
  readonly store: SimStore;
  readonly initialTimers: Timers;
  readonly verifyIntervalMs: number;
  readonly schedules: ScheduleReader;
  readonly watch: ReignWatch;
  readonly send: (conn: ConnId, message: LeaderMessage) => void;
  readonly close: (conn: ConnId, reason: string) => void;
  readonly stepDown: (reason: string) => void;
}

/** Times are true times. */
export class SimReign {
  readonly controller: string;
  readonly term: number;
  readonly core: Core;
  readonly electedAt: number;
  /** Newest check of the term, or commit, that was answered: when it was begun. */
  coveredAt = 0;
  /** Receive times of Hellos (0) and heartbeats by stream. */
  readonly receivedAt = new Map<ConnId, Map<number, number>>();
  committer: SimCommitter | undefined;
  readonly #options: ReignOptions;
  #mail: Event[] = [];
  #own: FromShell[] = [];
  #calls = new Map<number, (result: CallResult | undefined) => void>();
  #lastCall = 0;

  constructor(options: ReignOptions, electedAt: number) {
    this.controller = options.controller;
    this.term = options.term;
    this.electedAt = electedAt;
    this.#options = options;
    this.core = new Core({
      version: 'sim',
      initialTimers: options.initialTimers,
      schedules: options.schedules,
      verifyIntervalMs: options.verifyIntervalMs,
      maxCommitsInFlight: 1,
    });
  }

  postOwn(event: FromShell): void {
    this.#own.push(event);
  }

  post(event: Event): void {
    this.#mail.push(event);
  }

  call(call: Omit<AdminCall, 'kind' | 'call'>, answered: (result: CallResult | undefined) => void): void {
    this.#lastCall += 1;
    this.#calls.set(this.#lastCall, answered);
    this.post({ kind: 'call', call: this.#lastCall, ...call });
  }

  /** Steps what waits and settles it. The caller performs what is answered. */
  turn(now: Now, pausedMs: number | undefined): readonly Effect[] {
    if (pausedMs !== undefined) this.core.step({ kind: 'paused', forMs: pausedMs }, now);
    const own = this.#own;
    const mail = this.#mail;
    this.#own = [];
    this.#mail = [];
    for (const event of own) this.core.step(event, now);
    if (own[0]?.kind === 'elected') this.#options.watch.elected(this);
    for (const event of mail) this.core.step(event, now);
    const effects = this.core.flush(now);
    this.#options.watch.flushed(this, effects, now);
    return effects;
  }

  /** Records are encoded at once, as they are live objects. Answers false when the reign is over. */
  perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: Effect): void {
    const { store, watch } = this.#options;
    switch (effect.kind) {
      case 'send':
        watch.sending(this, effect.conn, effect.message);
        this.#options.send(effect.conn, effect.message);
        return;
      case 'persist': {
        const writes = effect.writes.map((write) => {
          const value: Encoded | undefined = write.kind === 'put' ? store.encode(write.record) : undefined;
          return { key: write.key, value };
        });
        this.committer?.persist(effect.commit, writes, watch.persisting(this, effect.writes));
        return;
      }
      case 'verify_term':
        this.committer?.verify(effect.check);
        return;
      case 'reply':
        this.#calls.get(effect.call)?.(effect.result);
        this.#calls.delete(effect.call);
        return;
      case 'publish':
        return;
      case 'close':
        this.#options.close(effect.conn, effect.error?.message ?? 'ended by the leader');
        return;
      case 'step_down':
        this.#options.stepDown(effect.reason);
        return;
      default:
        unreachable(effect);
    }
  }

  /** Nothing is known of the calls under way any more. */
  end(): void {
    this.committer?.end();
    const calls = this.#calls;
    this.#calls = new Map();
    for (const answered of calls.values()) answered(undefined);
  }
}

/** As controller/leadership/leadership.ts judges it: no epoch of this incarnation has been given out yet. */
export function isFirstOfIncarnation(records: readonly StateRecord[], firstEpoch: number): boolean {
  const meta = records.find((record) => record.kind === 'meta');
  return meta !== undefined && meta.lastEpoch <= firstEpoch;
}
