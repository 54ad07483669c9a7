/**
 * One term of leadership in the simulated world: the real core under the real loop, performer and committer (controller/leadership), and
 * what is known of it from outside. Times are true times.
 */
import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import type { Effect, RecordWrite } from '../../controller/core/cluster/effect.ts';
import type { AdminCall, Event, WholeHello } from '../../controller/core/cluster/event.ts';
import type { Core } from '../../controller/core/core.ts';
import type { ConnId } from '../../controller/core/records/state.ts';
import type { SteppedCore } from '../../controller/engine/loop.ts';
import { present } from '../../shared/assert.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Now } from '../../shared/time.ts';
import type { AgentEnd } from './agent-conn.ts';
import type { BatchFacts } from './checks/ledger.ts';

/** Whoever watches over the promises from outside. */
export interface LeaderWatch {
  /** The core was elected; its indices may be watched. */
  elected(leader: SeenTerm): void;
  /** The core has settled a turn and these are its effects; called before any of them is performed. */
  flushed(leader: SeenTerm, effects: readonly Effect[], now: Now): void;
  /** These records are to be handed to the store; what they say becomes true when they are committed. */
  persisting(leader: SeenTerm, writes: readonly RecordWrite[]): BatchFacts;
  /** A Hello is handed to the core. */
  heard(leader: SeenTerm, from: AgentEnd, hello: WholeHello): void;
  /** A call was carried out that its caller may not make. */
  changedBy(call: AdminCall): void;
  /** A message is handed to a stream. */
  sending(leader: SeenTerm, conn: ConnId, message: LeaderMessage): void;
}

export class SeenTerm {
  readonly controller: string;
  readonly term: number;
  readonly core: Core;
  /** When that check of the term, or commit, was begun which was begun last of those that were answered. */
  coveredAt = 0;
  readonly #receivedAt = new Map<ConnId, Map<number, number>>();
  readonly #facts = new Map<number, BatchFacts>();

  constructor(options: { readonly controller: string; readonly term: number; readonly core: Core }) {
    this.controller = options.controller;
    this.term = options.term;
    this.core = options.core;
  }

  /** A Hello (sequence 0) or a heartbeat was read. */
  received(conn: ConnId, sequence: number, at: number): void {
    const times = this.#receivedAt.get(conn) ?? new Map<number, number>();
    this.#receivedAt.set(conn, times.set(sequence, at));
  }

  receivedAt(conn: ConnId, sequence: number): number | undefined {
    return this.#receivedAt.get(conn)?.get(sequence);
  }

  covered(begunAt: number): void {
    this.coveredAt = Math.max(this.coveredAt, begunAt);
  }

  /** What the writes of a commit say. */
  factsOf(commit: number): BatchFacts {
    return present(this.#facts.get(commit), `commit ${commit} was seen when it was made`);
  }

  /** What the writes of a commit say, noted when it was made. */
  note(commit: number, facts: BatchFacts): void {
    this.#facts.set(commit, facts);
  }
}

/** The core as its loop gets it: all that goes in and comes out is seen. */
export class WatchedCore implements SteppedCore {
  readonly #leader: SeenTerm;
  readonly #core: Core;
  readonly #watch: LeaderWatch;
  readonly #onEffects: () => void;

  /** `onEffects` is called for a turn that has any, when all has been seen and nothing is done. */
  constructor(leader: SeenTerm, watch: LeaderWatch, onEffects: () => void) {
    this.#leader = leader;
    this.#core = leader.core;
    this.#watch = watch;
    this.#onEffects = onEffects;
  }

  step(event: Event, now: Now): void {
    const { audit } = this.#core.state;
    const changes = audit.CHANGES.head.number;
    this.#core.step(event, now);
    // Whoever calls with a warrant in these worlds may not do what he calls for.
    if (event.kind === 'call' && event.warrant !== undefined && audit.CHANGES.head.number !== changes)
      this.#watch.changedBy(event);
    if (event.kind === 'elected') this.#watch.elected(this.#leader);
  }

  flush(now: Now): readonly Effect[] {
    const effects = this.#core.flush(now);
    this.#watch.flushed(this.#leader, effects, now);
    for (const effect of effects) {
      if (effect.kind === 'persist')
        this.#leader.note(effect.commit, this.#watch.persisting(this.#leader, effect.writes));
    }
    if (effects.length > 0) this.#onEffects();
    return effects;
  }

  nextWakeMono(): number | undefined {
    return this.#core.nextWakeMono();
  }

  get state(): ClusterState {
    return this.#core.state;
  }

  get lastCommit(): number {
    return this.#core.lastCommit;
  }

  get durableCommit(): number {
    return this.#core.durableCommit;
  }

  get pendingRecords(): number {
    return this.#core.pendingRecords;
  }

  get pendingBytes(): number {
    return this.#core.pendingBytes;
  }
}
