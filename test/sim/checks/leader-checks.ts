/**
 * I3, I6, I7 and I9 where leaders decide: what each flush writes and sends, seen from outside the core. A message may leave only under
 * a check of the term that was begun after what it rests on was received or decided (C1), and after its commit (C4).
 */
import { ageOf } from '../../../controller/core/cluster/age.ts';
import type { Effect, RecordWrite } from '../../../controller/core/cluster/effect.ts';
import type { AdminCall, WholeHello } from '../../../controller/core/cluster/event.ts';
import type { ScheduleReader } from '../../../controller/core/cluster/schedule-reader.ts';
import type { Proof } from '../../../controller/core/records/attempt-state.ts';
import type { Attempt, ConnId, EventRecord, Run, StopReason } from '../../../controller/core/records/state.ts';
import { checkAll } from '../../../controller/core/runs/invariants.ts';
import { policyId, type RunId } from '../../../shared/ids.ts';
import type { EndCause } from '../../../shared/protocol/attempt.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import type { Now } from '../../../shared/time.ts';
import type { AgentEnd } from '../agent-conn.ts';
import type { EventQueue } from '../event-queue.ts';
import type { LeaderWatch, SeenTerm } from '../seen-term.ts';
import type { SimStore } from '../store.ts';
import type { Invariant, Verdict } from '../violation.ts';
import type { IdentityChecks } from './identity-checks.ts';
import { type AttemptFacts, type BatchFacts, type Ledger, type NotedEnd, placeName } from './ledger.ts';
import { allTakenSlots, chooseNaively, limitOf } from './naive-placement.ts';
import { queueProblems } from './queue-checks.ts';
import { type Fired, firedBy } from './ticks.ts';
import type { TreeChecks } from './tree-checks.ts';

const VOLUNTARY: ReadonlySet<StopReason> = new Set<StopReason>(['MOVE', 'FAILBACK', 'DRAIN']);
const PROOFS: readonly Proof[] = [
  ...(['REPORT', 'REFUSED', 'INVENTORY', 'NEW_BOOT', 'NEVER_SENT', 'WAIT', 'OPERATOR', 'OVERLAP'] as const),
];
const CAUSES: readonly EndCause[] = ['UNKNOWN', 'EXITED', 'STOPPED', 'LAPSED', 'REFUSED', 'SPAWN_FAILED', 'LOST'];
/** The whole state is checked at every so many commits. */
const CHECK_ALL_EVERY = 8;

export class LeaderChecks implements LeaderWatch {
  readonly #queue: EventQueue;
  readonly #verdict: Verdict;
  readonly #ledger: Ledger;
  readonly #trees: TreeChecks;
  readonly #store: SimStore;
  readonly #schedules: ScheduleReader;
  readonly #placeOf: (leader: SeenTerm, conn: ConnId) => string | undefined;
  readonly #identity: IdentityChecks;
  #commits = 0;
  /** Slots taken on each server at the last look, by term. */
  readonly #taken = new WeakMap<SeenTerm, Map<string, { readonly taken: number; readonly limit: number }>>();

  constructor(options: {
    readonly queue: EventQueue;
    readonly verdict: Verdict;
    readonly ledger: Ledger;
    readonly trees: TreeChecks;
    readonly store: SimStore;
    readonly schedules: ScheduleReader;
    /** Where the agent of a stream lives. */
    readonly placeOf: (leader: SeenTerm, conn: ConnId) => string | undefined;
    readonly identity: IdentityChecks;
  }) {
    this.#queue = options.queue;
    this.#verdict = options.verdict;
    this.#ledger = options.ledger;
    this.#trees = options.trees;
    this.#store = options.store;
    this.#schedules = options.schedules;
    this.#placeOf = options.placeOf;
    this.#identity = options.identity;
  }

  /** I6: every choice of the index is made once more, naively, at the moment it is made. */
  elected(leader: SeenTerm): void {
    const { state } = leader.core;
    for (const [pool, live] of state.poolLive) {
      const { index } = live;
      const choose = index.choose.bind(index);
      index.choose = (query) => {
        const chosen = choose(query);
        const expected = chooseNaively(state, pool, query);
        if (chosen !== expected) {
          this.#breaks(
            'I6',
            `${leader.controller} chose ${chosen} where the rules say ${expected}: ${JSON.stringify(query)}`,
          );
        }
        return chosen;
      };
    }
  }

  flushed(leader: SeenTerm, effects: readonly Effect[], now: Now): void {
    // Not only with commits: while the store refuses them, limits come and go.
    this.#checkSlots(leader);
    this.#identity.flushed(leader);
    if (!effects.some(({ kind }) => kind === 'persist')) return;
    this.#commits += 1;
    if (this.#commits % CHECK_ALL_EVERY !== 0) return;
    const { state } = leader.core;
    checkAll(state, now);
    for (const problem of queueProblems(state, ageOf(state, now))) this.#breaks('I6', problem);
  }

  persisting(leader: SeenTerm, writes: readonly RecordWrite[]): BatchFacts {
    const assigned: AttemptFacts[] = [];
    const ended: NotedEnd[] = [];
    const fired: Fired[] = [];
    const abandoned = new Set<RunId | undefined>();
    for (const write of writes) {
      if (write.kind !== 'put' || write.record.kind !== 'event') continue;
      if (write.record.type === 'ATTEMPT_ENDED') ended.push(...this.#noteEnd(leader, write.record));
      const tick = firedBy(
        write.record,
        leader.core.state.policies.get(policyId(write.record.policy ?? '')),
        this.#schedules,
      );
      if (tick !== undefined) fired.push(tick);
      if (write.record.type === 'RUN_MOVE_ABANDONED') abandoned.add(write.record.run);
    }
    for (const write of writes) {
      if (write.kind !== 'put' || write.record.kind !== 'run') continue;
      const run = write.record;
      for (const attempt of run.attempts) {
        if (!this.#ledger.committed.has(attempt.epoch)) assigned.push(this.#noteAssigned(leader, run, attempt));
        this.#noteStop(run, attempt, abandoned.has(run.id));
      }
    }
    return { assigned, ended, fired };
  }

  #noteAssigned({ term }: SeenTerm, run: Run, attempt: Attempt): AttemptFacts {
    const { epoch, server, place, terms } = attempt;
    if (!this.#ledger.decidedAt.has(epoch)) this.#ledger.decidedAt.set(epoch, this.#queue.now);
    const overlaps = run.attempts.some((other) => other.epoch < epoch && other.state.kind !== 'ENDED');
    const { onDisconnect } = terms;
    const { instanceId, machineId } = place;
    return {
      run: run.id,
      policy: run.policy,
      epoch,
      term,
      server,
      place: placeName(instanceId, machineId),
      onDisconnect,
      overlaps,
    };
  }

  /** I9: who is moved by choice has a slot elsewhere, written together with the stop. */
  #noteStop(run: Run, attempt: Attempt, abandoned: boolean): void {
    if (attempt.stopReason === undefined || this.#ledger.stopDecidedAt.has(attempt.epoch)) return;
    this.#ledger.stopDecidedAt.set(attempt.epoch, this.#queue.now);
    if (!VOLUNTARY.has(attempt.stopReason) || attempt.state.kind === 'ENDED' || run.desired === 'STOPPED') return;
    // The target was lost between the decision and this commit.
    if (abandoned) return;
    if (run.reservation === undefined || run.reservation.server === attempt.server) {
      this.#breaks('I9', `${run.id} is stopped on ${attempt.server} (${attempt.stopReason}) without a slot elsewhere`);
    }
  }

  /** The event log tells of every end, also of those of runs that go with their policy in the same commit. */
  #noteEnd({ controller, term }: SeenTerm, event: EventRecord): readonly NotedEnd[] {
    const { run, server, epoch } = event;
    const proof = PROOFS.find((one) => one === event.details?.['proof']);
    const cause = CAUSES.find((one) => one === event.cause);
    if (run === undefined || server === undefined || epoch === undefined) return [];
    if (proof === undefined || cause === undefined) return [];
    const end = { run, server, epoch, proof, cause, at: this.#queue.now, controller, term };
    this.#ledger.noteEnd(end);
    this.#trees.checkEnd(epoch);
    return [end];
  }

  /** I7: what is taken grows only where there is room. */
  #checkSlots(leader: SeenTerm): void {
    const { state } = leader.core;
    const before = this.#taken.get(leader);
    const after = new Map<string, { readonly taken: number; readonly limit: number }>();
    const takenNow = allTakenSlots(state);
    for (const server of state.servers.values()) {
      const taken = takenNow.get(server.id) ?? 0;
      const limit = limitOf(state, server);
      const earlier = before?.get(server.id);
      after.set(server.id, { taken, limit });
      if (earlier === undefined || taken <= earlier.taken || taken <= Math.max(limit, earlier.limit)) continue;
      this.#breaks(
        'I7',
        `${taken} slots are taken on ${server.id}, whose limit is ${limit}; before it was ${earlier.taken}`,
      );
    }
    this.#taken.set(leader, after);
  }

  changedBy({ requestId, request }: AdminCall): void {
    this.#breaks('IDENTITY', `${request.kind} (${requestId}) changes something, and its caller may not`);
  }

  heard(leader: SeenTerm, from: AgentEnd, hello: WholeHello): void {
    this.#identity.heard(leader, from, hello);
  }

  sending(leader: SeenTerm, conn: ConnId, message: LeaderMessage): void {
    this.#identity.sending(leader, conn, message);
    const restsOn = this.#restsOn(leader, conn, message);
    if (restsOn === undefined || restsOn <= leader.coveredAt) return;
    this.#breaks(
      'I3',
      `${leader.controller} (term ${leader.term}) sends ${message.kind} for something of ${seconds(restsOn)}; its newest check was begun at ${seconds(leader.coveredAt)}`,
    );
  }

  /** When that was received or decided which a check of the term has to be younger than. Undefined: nothing. */
  #restsOn(leader: SeenTerm, conn: ConnId, message: LeaderMessage): number | undefined {
    const { decidedAt, stopDecidedAt, committed } = this.#ledger;
    switch (message.kind) {
      case 'welcome':
        return leader.receivedAt(conn, 0);
      case 'grant':
        return leader.receivedAt(conn, message.sequence);
      case 'start':
        if (!committed.has(message.epoch)) {
          this.#breaks(
            'I3',
            `${leader.controller} sends the start of ${message.run} epoch ${message.epoch} before its commit`,
          );
        }
        return decidedAt.get(message.epoch);
      case 'stop':
        return stopDecidedAt.get(message.epoch);
      case 'ack':
        for (const ref of message.attempts) this.#checkAck(leader, conn, ref);
        return undefined;
      case 'report_full_state':
      case 'verdicts':
      case 'timers_changed':
      case 'authority_notice':
      case 'reconnect':
      case 'read_output':
        return undefined;
    }
  }

  /** I10: an agent forgets an end only when the store has it. What another place lists is none of ours, and may be forgotten there. */
  #checkAck(leader: SeenTerm, conn: ConnId, { run, epoch }: { readonly run: RunId; readonly epoch: number }): void {
    const record = this.#store.read(`runs/${run}`);
    const attempt = record?.kind === 'run' ? record.attempts.find((one) => one.epoch === epoch) : undefined;
    if (attempt === undefined || attempt.state.kind === 'ENDED') return;
    if (placeName(attempt.place.instanceId, attempt.place.machineId) !== this.#placeOf(leader, conn)) return;
    this.#breaks('I10', `${leader.controller} acknowledges the end of ${run} epoch ${epoch} before it is in the store`);
  }

  #breaks(invariant: Invariant, message: string): void {
    this.#verdict.breaks(invariant, this.#queue.now, message);
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
