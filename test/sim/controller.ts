/**
 * The controller process: a candidate, then a leader with a fresh core, then a candidate again. It answers agents that come to it
 * while it does not lead, and it may be paused anywhere, also between deciding and sending.
 */
import type { Effect } from '../../controller/core/cluster/effect.ts';
import type { AdminCall, CallResult, FromAgent } from '../../controller/core/cluster/event.ts';
import type { ConnId } from '../../controller/core/records/state.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import type { AgentMessage } from '../../shared/protocol/agent-message.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Now } from '../../shared/time.ts';
import { type AgentEnd, type Conn, eventOf } from './agent-conn.ts';
import type { ClockState } from './clock.ts';
import { SimCommitter } from './committer.ts';
import type { ControllerWorld } from './controller-world.ts';
import type { Host } from './host.ts';
import type { Stream } from './network.ts';
import { Process, type Surroundings } from './process.ts';
import { isFirstOfIncarnation, SimReign } from './reign.ts';
import type { Candidate, SimStore, StorePath } from './store.ts';
import { brief } from './trace.ts';

/** A gap this long between two turns is a pause (controller/engine/loop.ts). */
const PAUSE_MS = 2_000;
const PULSE_MS = 500;
const LOAD_TIMEOUT_MS = 5_000;

export class ControllerNode extends Process {
  readonly endpoint: string;
  readonly path: StorePath = { cuts: 0 };
  reign: SimReign | undefined;
  readonly #world: ControllerWorld;
  readonly #candidate: Candidate;
  #conns = new Map<ConnId, Conn>();
  #connOf = new Map<Stream, ConnId>();
  #lastConn = 0;
  #turnPlanned = false;
  #pausedAtMono: number | undefined;
  /** What a pause in the middle of a turn left undone. */
  #unfinished: (() => void) | undefined;
  /** The next turn with effects is interrupted for so long. */
  interruptMs: number | undefined;

  constructor(endpoint: string, surroundings: Surroundings, world: ControllerWorld) {
    super(endpoint, surroundings);
    this.endpoint = endpoint;
    this.#world = world;
    this.#candidate = {
      name: endpoint,
      isReachable: () => this.isRunning && this.path.cuts === 0,
      elect: (term) => this.#elected(term),
    };
  }

  get isReachable(): boolean {
    return this.#candidate.isReachable();
  }

  get clockRate(): number {
    return this.clock.rate;
  }

  clockNow(): Now {
    return this.clock.read(this.queue.now);
  }

  changeClock(to: { readonly state?: ClockState; readonly wallStepMs?: number }): void {
    this.clock.change(this.queue.now, to);
    this.armAgain();
  }

  protected onStart(): void {
    this.#conns = new Map();
    this.#connOf = new Map();
    this.#turnPlanned = false;
    this.#unfinished = undefined;
    this.#pausedAtMono = undefined;
    this.#campaignIn(this.#world.random.float() * 50);
  }

  protected onDeath(): void {
    this.#endReign();
    this.#world.store.bury(this.#candidate);
    for (const { stream } of this.#conns.values()) stream.closeByController('the controller is gone');
    this.#conns.clear();
  }

  /** The machine is gone without a word to anybody. */
  losePower(): void {
    for (const { stream } of this.#conns.values()) stream.loseController();
    this.#conns.clear();
    this.die();
  }

  protected onWake(): void {
    this.reign?.post({ kind: 'tick' });
    this.#turn();
  }

  override pause(): () => void {
    if (!this.isPaused) this.#pausedAtMono = this.clock.mono(this.queue.now);
    return super.pause();
  }

  protected override onResume(): void {
    const unfinished = this.#unfinished;
    this.#unfinished = undefined;
    unfinished?.();
  }

  #campaignIn(ms: number): void {
    this.later(ms, () => this.#world.store.campaign(this.#candidate));
  }

  /** The store says that this controller leads. Semantics C5: load at a revision not before that, then read the clock. */
  #elected(term: number): void {
    const { store } = this.#world;
    const load = (): void =>
      store.request(
        this.path,
        () => ({ records: store.load(), incarnation: store.incarnation }),
        ({ records, incarnation }) =>
          this.take(() => {
            if (this.life === life) this.#begin(term, incarnation, records);
          }),
        () =>
          this.take(() => {
            if (this.life === life && store.holds(term)) load();
            else if (this.life === life) this.#campaignIn(500);
          }),
        LOAD_TIMEOUT_MS,
      );
    const { life } = this;
    load();
  }

  #begin(term: number, incarnation: number, stored: ReturnType<SimStore['load']>): void {
    const { store, watch, initialTimers, verifyIntervalMs, schedules } = this.#world;
    if (this.reign !== undefined) return;
    const records = [...stored].map(([key, value]) => store.decode(key, value));
    const reign = new SimReign(
      {
        ...{ controller: this.endpoint, term, store, initialTimers, verifyIntervalMs, schedules, watch },
        send: (conn, message) => this.#send(conn, term, message),
        close: (conn, reason) => this.#conns.get(conn)?.stream.closeByController(reason),
        stepDown: (reason) => this.stepDown(reason),
      },
      this.queue.now,
    );
    const { life } = this;
    const answer = (act: () => void): void => {
      if (this.life === life && this.reign === reign) this.take(() => this.reign === reign && act());
    };
    reign.committer = new SimCommitter({
      ...{ store, path: this.path, term, queue: this.queue, take: answer },
      onCommitted: (commit, begunAt) => {
        reign.coveredAt = Math.max(reign.coveredAt, begunAt);
        reign.postOwn({ kind: 'committed', commit });
        this.#turn();
      },
      onVerified: (check, begunAt) => {
        reign.coveredAt = Math.max(reign.coveredAt, begunAt);
        reign.postOwn({ kind: 'term_verified', check });
        this.#turn();
      },
      onDeposed: (detail) => this.stepDown(detail),
    });
    this.reign = reign;
    // A pause of before is none of this reign's: its loop begins now.
    this.#pausedAtMono = undefined;
    this.#world.say(this.name, () => `leads: term ${term}, incarnation ${incarnation}, ${records.length} records`);
    reign.postOwn({
      kind: 'elected',
      ...{ term, incarnation, records, clusterId: store.clusterId },
      firstOfIncarnation: isFirstOfIncarnation(records, firstOfIncarnation(incarnation)),
    });
    // Streams that came before belong to no reign.
    for (const { stream } of this.#conns.values()) stream.closeByController('not the leader then');
    this.#conns.clear();
    this.#connOf.clear();
    this.#turn();
  }

  /** Drops everything and starts over as a candidate. */
  stepDown(reason: string): void {
    if (this.reign === undefined) return;
    this.#world.say(this.name, () => `steps down: ${reason}`);
    const { term } = this.reign;
    this.#endReign();
    for (const { stream } of this.#conns.values()) stream.closeByController('the controller does not lead any more');
    this.#conns.clear();
    this.#connOf.clear();
    this.#world.store.bury(this.#candidate);
    // A clean end: the term is given back at once.
    this.#world.store.request(
      this.path,
      () => this.#world.store.revoke(term),
      () => {},
      () => {},
    );
    this.#campaignIn(100 + this.#world.random.float() * 400);
  }

  #endReign(): void {
    const { reign } = this;
    this.reign = undefined;
    this.wakeAt(Number.POSITIVE_INFINITY);
    reign?.end();
  }

  accept(stream: Stream, end: AgentEnd): ConnId {
    this.#lastConn += 1;
    this.#conns.set(this.#lastConn, { stream, end, hello: undefined, parts: [] });
    this.#connOf.set(stream, this.#lastConn);
    return this.#lastConn;
  }

  hostOf(conn: ConnId): Host | undefined {
    return this.#conns.get(conn)?.end.host;
  }

  streamClosed(conn: ConnId): void {
    this.take(() => {
      const known = this.#conns.get(conn);
      if (known === undefined) return;
      this.#conns.delete(conn);
      this.#connOf.delete(known.stream);
      if (known.hello !== undefined) this.#post({ kind: 'stream_closed', conn });
    });
  }

  receive(stream: Stream, message: AgentMessage): void {
    this.take(() => {
      const conn = this.#connOf.get(stream);
      if (conn !== undefined) this.#handle(conn, message);
    });
  }

  #handle(conn: ConnId, message: AgentMessage): void {
    const known = this.#conns.get(conn);
    if (known === undefined) return;
    const { reign } = this;
    if (reign === undefined) {
      this.#sendAway(known);
      return;
    }
    const event = eventOf(conn, known, message);
    if (event === undefined) return;
    if (event.kind === 'hello') this.#received(reign, conn, 0);
    if (event.kind === 'heartbeat') this.#received(reign, conn, event.sequence);
    this.#post(event);
  }

  #received(reign: SimReign, conn: ConnId, sequence: number): void {
    let times = reign.receivedAt.get(conn);
    if (times === undefined) {
      times = new Map();
      reign.receivedAt.set(conn, times);
    }
    times.set(sequence, this.queue.now);
  }

  #sendAway({ stream, end }: Conn): void {
    const endpoints = this.#world.leaderHint();
    if (this.#world.random.chance(0.5)) {
      stream.sendDown(() => end.receive(0, { kind: 'reconnect', endpoints, afterMs: 0, reason: 'NOT_LEADER' }));
    }
    stream.closeByController('this controller does not lead now');
  }

  /** False: nobody leads here. */
  call(call: Omit<AdminCall, 'kind' | 'call'>, answered: (result: CallResult | undefined) => void): boolean {
    if (!this.alive || this.reign === undefined) return false;
    this.take(() => {
      if (this.reign === undefined) answered(undefined);
      else {
        this.reign.call(call, answered);
        this.#planTurn();
      }
    });
    return true;
  }

  #post(event: FromAgent): void {
    this.reign?.post(event);
    this.#planTurn();
  }

  /** What comes within a moment is settled together. */
  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.later(this.#world.random.float() * 1.5, () => {
      this.#turnPlanned = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { reign } = this;
    if (reign === undefined) return;
    const { mono, wall } = this.clock.read(this.queue.now);
    try {
      const effects = reign.turn({ mono, wall }, this.#pausedMs(mono));
      const { interruptMs } = this;
      if (effects.length > 0 && interruptMs !== undefined) this.#interrupt(reign, effects, interruptMs);
      else this.#finishTurn(reign, effects);
    } catch (error) {
      this.#world.failed(this.name, error);
    }
  }

  #pausedMs(mono: number): number | undefined {
    const since = this.#pausedAtMono;
    this.#pausedAtMono = undefined;
    if (since === undefined) return undefined;
    const gapMs = mono - since + this.#world.random.float() * PULSE_MS;
    return gapMs > PAUSE_MS ? gapMs : undefined;
  }

  #finishTurn(reign: SimReign, effects: readonly Effect[]): void {
    reign.perform(effects);
    if (this.reign === reign) this.wakeAt(reign.core.nextWakeMono() ?? Number.POSITIVE_INFINITY);
  }

  /** The operating system stops the process between deciding and sending. */
  #interrupt(reign: SimReign, effects: readonly Effect[], ms: number): void {
    this.interruptMs = undefined;
    this.#world.say(this.name, () => `is paused for ${Math.round(ms)} ms before it sends`);
    this.#unfinished = () => {
      if (this.reign === reign) this.#finishTurn(reign, effects);
    };
    this.#world.during(ms, this.pause());
  }

  #send(conn: ConnId, term: number, message: LeaderMessage): void {
    const known = this.#conns.get(conn);
    if (known === undefined) return;
    this.#world.say(this.name, () => `→ ${known.end.host.name} ${brief({ ...message, workload: undefined })}`);
    known.stream.sendDown(() => known.end.receive(term, message));
    if (message.kind === 'start' && this.#world.repeatsStarts()) this.#repeat(known, term, message);
  }

  #repeat({ stream, end }: Conn, term: number, start: LeaderMessage): void {
    const afterMs = 20_000 * this.#world.random.float() ** 3;
    this.later(afterMs, () => stream.sendDown(() => end.receive(term, start)));
  }
}
