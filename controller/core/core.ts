/**
 * The core: one deterministic state machine, the only owner of cluster state. Events go in one at a time with the time
 * of their handling; `flush` answers what is to be done now, in order. It reads no clock, does no I/O and knows no chance.
 * See docs/architecture.md, "One direction".
 */

import { unreachable } from '../../shared/assert.ts';
import type { Now } from '../../shared/time.ts';
import { SECOND } from '../../shared/time.ts';
import { handleCall, releaseAnswers } from './calls/call.ts';
import { type ClusterState, poolOf } from './cluster/cluster.ts';
import type { Effect } from './cluster/effect.ts';
import type { Event, FromShell } from './cluster/event.ts';
import { Context, type CoreOptions } from './cluster/turn.ts';
import { takeOffice } from './load.ts';
import { fromAgent } from './servers/from-agent.ts';
import { grant, pump } from './servers/session.ts';
import { periodicLook, settle } from './settle.ts';

/** Everything is looked at again this often, whatever happened: the safety net. */
const PERIODIC_MS = 30 * SECOND;

export class Core {
  readonly #ctx: Context;
  #periodicAtMono = Number.POSITIVE_INFINITY;

  constructor(options: CoreOptions) {
    this.#ctx = new Context(options);
  }

  /** The state, for reading only. */
  get state(): ClusterState {
    return this.#ctx.state;
  }

  /** Newest commit that the state depends on: issued, or pending in the journal. */
  get lastCommit(): number {
    const { gate, journal } = this.#ctx;
    return journal.hasWrites ? gate.commitIssued + 1 : gate.commitIssued;
  }

  /** Records that wait for the next commit. */
  get pendingRecords(): number {
    return this.#ctx.journal.size;
  }

  /** About how many bytes these are. */
  get pendingBytes(): number {
    return this.#ctx.journal.sizeBytes;
  }

  /** Newest commit that is durable. */
  get durableCommit(): number {
    return this.#ctx.gate.commitDurable;
  }

  /** Takes in one event. What follows leaves with the next flush. */
  step(event: Event, now: Now): void {
    const ctx = this.#ctx;
    ctx.now = now;
    ctx.journal.now = now;
    ctx.journal.actor = 'controller';
    if (event.kind === 'call') handleCall(ctx, event);
    else if (isFromShell(event)) this.#fromShell(event);
    else fromAgent(ctx, event);
  }

  /** Settles what the events of a drain left open, and answers what is to be done now, in order. */
  flush(now: Now): readonly Effect[] {
    const ctx = this.#ctx;
    ctx.now = now;
    ctx.journal.now = now;
    ctx.journal.actor = 'controller';
    const { gate, journal, effects } = ctx;
    // Welcomes first: a server whose session opens now gets work in this very flush.
    for (const session of ctx.waitingSessions) if (session.phase === 'OPENING') pump(ctx, session);
    settle(ctx);
    releaseAnswers(ctx);
    if (journal.hasChanged) gate.hold({ kind: 'publish', changes: journal.takeChanged() });
    if (journal.hasWrites && gate.mayCommit()) {
      effects.push({ kind: 'persist', commit: gate.issueCommit(), writes: journal.takeWrites() });
    }
    for (const session of ctx.waitingSessions) pump(ctx, session);
    const check = gate.issueVerify(now.mono);
    if (check !== undefined) effects.push({ kind: 'verify_term', check });
    effects.push(...gate.release(journal.hasWrites));
    return effects.splice(0, effects.length);
  }

  /** When to step a tick at the latest, monotonic milliseconds. */
  nextWakeMono(): number | undefined {
    const { serverWheel, drainWheel, gateWheel, runWheel, policyWheel, poolWheel, gate } = this.#ctx;
    const times = [
      serverWheel.nextAt(),
      drainWheel.nextAt(),
      gateWheel.nextAt(),
      runWheel.nextAt(),
      policyWheel.nextAt(),
      poolWheel.nextAt(),
      this.#periodicAtMono,
    ];
    if (gate.verifyWaits()) times.push(gate.verifyDueMono());
    // What was handed over after settling is looked at in a turn of its own.
    if (this.#ctx.isUnsettled) times.push(this.#ctx.now.mono);
    const next = Math.min(...times.filter((time) => time !== undefined));
    return Number.isFinite(next) ? next : undefined;
  }

  #fromShell(event: FromShell): void {
    const ctx = this.#ctx;
    switch (event.kind) {
      case 'elected':
        takeOffice(ctx, event);
        this.#periodicAtMono = ctx.now.mono + PERIODIC_MS;
        return;
      case 'committed':
        for (const { session, sequence, receivedMono } of ctx.gate.committed(event.commit))
          grant(ctx, session, sequence, receivedMono);
        return;
      case 'term_verified':
        for (const { session, sequence, receivedMono } of ctx.gate.verified(event.check))
          grant(ctx, session, sequence, receivedMono);
        this.#believeBehind();
        return;
      case 'paused': {
        // What agents sent meanwhile stands in our sockets: read it before anyone is judged (C6).
        const heartbeats = [...ctx.state.pools.keys()].map((pool) => poolOf(ctx.state, pool).timers.heartbeatMs);
        ctx.state.judgeNotBeforeMono = ctx.now.mono + Math.max(0, ...heartbeats);
        ctx.journal.event({
          type: 'CONTROLLER_PAUSED',
          cause: 'OWN_PAUSE',
          message: `the controller itself stood still for ${Math.round(event.forMs)} ms`,
        });
        return;
      }
      case 'tick':
        this.#tick();
        return;
      default:
        unreachable(event);
    }
  }

  #tick(): void {
    const ctx = this.#ctx;
    for (const id of ctx.serverWheel.due(ctx.now.mono)) ctx.dueServers.add(id);
    for (const id of ctx.drainWheel.due(ctx.now.mono)) ctx.dirtyServers.add(id);
    for (const id of ctx.gateWheel.due(ctx.now.mono)) ctx.dirtyServers.add(id);
    for (const id of ctx.runWheel.due(ctx.now.mono)) ctx.dirtyRuns.add(id);
    for (const id of ctx.poolWheel.due(ctx.now.mono)) ctx.dirtyPools.add(id);
    for (const id of ctx.policyWheel.due(ctx.now.mono)) ctx.dirtyPolicies.add(id);
    if (ctx.now.mono < this.#periodicAtMono) return;
    this.#periodicAtMono = ctx.now.mono + PERIODIC_MS;
    periodicLook(ctx);
  }

  /** An agent knew more than the store, and our term is still the current one: the store is an older copy (C9). */
  #believeBehind(): void {
    const ctx = this.#ctx;
    const { behind } = ctx;
    if (behind === undefined || !ctx.gate.isChecked(behind.needCheck) || ctx.state.storeBehind !== undefined) return;
    ctx.state.storeBehind = behind.message;
    ctx.journal.event({ type: 'STORE_BEHIND', cause: 'HELLO', message: behind.message });
  }
}

const FROM_SHELL: ReadonlySet<Event['kind']> = new Set<FromShell['kind']>([
  'elected',
  'committed',
  'term_verified',
  'paused',
  'tick',
]);

const isFromShell = (event: Event): event is FromShell => FROM_SHELL.has(event.kind);
