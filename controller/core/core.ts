/**
 * The core: one deterministic state machine, the only owner of cluster state. Events go in one at a time with the time
 * of their handling; `flush` answers what is to be done now, in order. It reads no clock, does no I/O and knows no chance.
 * See docs/architecture.md, "One direction".
 */

import { unreachable } from '../../shared/assert.ts';
import type { Now } from '../../shared/time.ts';
import { SECOND } from '../../shared/time.ts';
import { handleCall, releaseAnswers } from './calls/call.ts';
import { tell } from './cluster/change.ts';
import { type ClusterState, poolOf } from './cluster/cluster.ts';
import type { Effect } from './cluster/effect.ts';
import type { Event, FromAgent, FromShell } from './cluster/event.ts';
import type { Session } from './cluster/session.ts';
import { type CoreOptions, Turn } from './cluster/turn.ts';
import { takeOffice } from './load.ts';
import { fromAgent } from './servers/from-agent.ts';
import { grant, pump } from './servers/session.ts';
import { believeBehind } from './servers/store-behind.ts';
import { periodicLook, settle } from './settle.ts';

/** Everything is looked at again this often, whatever happened: the safety net. */
const PERIODIC_MS = 30 * SECOND;

export class Core {
  readonly #turn: Turn;
  #periodicAtMono = Number.POSITIVE_INFINITY;

  constructor(options: CoreOptions) {
    this.#turn = new Turn(options);
  }

  /** The state, for reading only. */
  get state(): ClusterState {
    return this.#turn.state;
  }

  /** Newest commit that the state depends on: issued, or pending in the journal. */
  get lastCommit(): number {
    const { barrier, journal } = this.#turn;
    return journal.hasWrites ? barrier.commitIssued + 1 : barrier.commitIssued;
  }

  /** Records that wait for the next commit. */
  get pendingRecords(): number {
    return this.#turn.journal.size;
  }

  /** About how many bytes these are. */
  get pendingBytes(): number {
    return this.#turn.journal.sizeBytes;
  }

  /** Newest commit that is durable. */
  get durableCommit(): number {
    return this.#turn.barrier.commitDurable;
  }

  /** Takes in one event. What follows leaves with the next flush. */
  step(event: Event, now: Now): void {
    const turn = this.#begin(now, actorOf(this.state, event));
    if (event.kind === 'call') handleCall(turn, event);
    else if (isFromShell(event)) this.#fromShell(event);
    else fromAgent(turn, event);
  }

  /** Settles what the events of a batch left open, and answers what is to be done now, in order. */
  flush(now: Now): readonly Effect[] {
    const turn = this.#begin(now, CONTROLLER);
    const { barrier, journal, effects } = turn;
    // Welcomes first: a server whose session opens now gets work in this very flush.
    for (const session of turn.waitingSessions) if (session.phase === 'OPENING') pump(turn, session);
    settle(turn);
    releaseAnswers(turn);
    if (journal.hasChanged) barrier.hold({ kind: 'publish', changes: journal.takeChanged() });
    if (journal.hasWrites && barrier.mayCommit()) {
      effects.push({ kind: 'persist', commit: barrier.issueCommit(), writes: journal.takeWrites() });
    }
    for (const session of turn.waitingSessions) pump(turn, session);
    const check = barrier.issueVerify(now.mono);
    if (check !== undefined) effects.push({ kind: 'verify_term', check });
    effects.push(...barrier.release(journal.hasWrites));
    return effects.splice(0, effects.length);
  }

  /** When to step a tick at the latest, monotonic milliseconds. */
  nextWakeMono(): number | undefined {
    const { serverWheel, drainWheel, gateWheel, runWheel, policyWheel, poolWheel, barrier } = this.#turn;
    const times = [
      serverWheel.nextAt(),
      drainWheel.nextAt(),
      gateWheel.nextAt(),
      runWheel.nextAt(),
      policyWheel.nextAt(),
      poolWheel.nextAt(),
      this.#periodicAtMono,
    ];
    if (barrier.verifyWaits()) times.push(barrier.verifyDueMono());
    // What was handed over after settling is looked at in a turn of its own.
    if (this.#turn.isUnsettled) times.push(this.#turn.now.mono);
    const next = Math.min(...times.filter((time) => time !== undefined));
    return Number.isFinite(next) ? next : undefined;
  }

  #begin(now: Now, actor: string): Turn {
    const turn = this.#turn;
    turn.now = now;
    turn.journal.now = now;
    turn.journal.actor = actor;
    return turn;
  }

  #fromShell(event: FromShell): void {
    const turn = this.#turn;
    switch (event.kind) {
      case 'elected':
        takeOffice(turn, event);
        this.#periodicAtMono = turn.now.mono + PERIODIC_MS;
        return;
      case 'committed':
        for (const { session, sequence, receivedMono } of turn.barrier.committed(event.commit))
          grant(turn, session, sequence, receivedMono);
        return;
      case 'term_verified':
        for (const { session, sequence, receivedMono } of turn.barrier.verified(event.check))
          grant(turn, session, sequence, receivedMono);
        believeBehind(this.#turn);
        return;
      case 'paused': {
        // What agents sent meanwhile stands in our sockets: read it before anyone is judged (C6).
        const heartbeats = [...turn.state.pools.keys()].map((pool) => poolOf(turn.state, pool).timers.heartbeatMs);
        turn.state.judgeNotBeforeMono = turn.now.mono + Math.max(0, ...heartbeats);
        const message = `the controller itself stood still for ${Math.round(event.forMs)} ms`;
        tell(turn, 'CLUSTER', { type: 'CONTROLLER_PAUSED', cause: 'OWN_PAUSE', message });
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
    const turn = this.#turn;
    for (const id of turn.serverWheel.due(turn.now.mono)) turn.judgeSilenceOf(id);
    for (const id of turn.drainWheel.due(turn.now.mono)) turn.lookAtServer(id);
    for (const id of turn.gateWheel.due(turn.now.mono)) turn.lookAtServer(id);
    for (const id of turn.runWheel.due(turn.now.mono)) turn.lookAtRun(id);
    for (const id of turn.poolWheel.due(turn.now.mono)) turn.lookAtPool(id);
    for (const id of turn.policyWheel.due(turn.now.mono)) turn.lookAtPolicy(id);
    if (turn.now.mono < this.#periodicAtMono) return;
    this.#periodicAtMono = turn.now.mono + PERIODIC_MS;
    periodicLook(turn);
  }
}

/**
 * Who is behind what happens now: whoever called or spoke. A stream that ends, like the clock, speaks for nobody, and neither does a
 * heartbeat that says nothing: what follows from its coming is our own conclusion.
 */
function actorOf({ sessions }: ClusterState, event: Event): string {
  if (event.kind === 'call') return event.actor;
  if (event.kind === 'hello') return `agent:${event.hello.server}`;
  if (isFromShell(event) || event.kind === 'stream_closed') return CONTROLLER;
  const session = sessions.get(event.conn);
  return session === undefined || isBare(event, session) ? CONTROLLER : `agent:${session.server}`;
}

const CONTROLLER = 'controller';

/** The first one after a Welcome says something: that what the Hello left out has ended. */
const isBare = (event: FromAgent, { absent }: Session): boolean =>
  event.kind === 'heartbeat' &&
  event.capacity === undefined &&
  event.capabilities === undefined &&
  event.hostProblems === undefined &&
  absent.length === 0;

const FROM_SHELL: ReadonlySet<Event['kind']> = new Set<FromShell['kind']>([
  'elected',
  'committed',
  'term_verified',
  'paused',
  'tick',
]);

const isFromShell = (event: Event): event is FromShell => FROM_SHELL.has(event.kind);
