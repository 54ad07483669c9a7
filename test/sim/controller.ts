/**
 * The controller process: a candidate, then a leader under the real loop, performer and committer (controller/leadership/leader-term.ts), then
 * a candidate again. It answers agents that come to it while it does not lead, and it may be paused anywhere, also between deciding and
 * sending.
 */
import type { CallResult, FromAgent } from '../../controller/core/cluster/event.ts';
import { Core } from '../../controller/core/core.ts';
import type { ConnId } from '../../controller/core/records/state.ts';
import { type CallDetails, LeaderTerm } from '../../controller/leadership/leader-term.ts';
import { isFirstOfIncarnation } from '../../controller/leadership/leadership.ts';
import type { Snapshot } from '../../controller/store/store.ts';
import { LocumError } from '../../shared/errors.ts';
import { incarnationOf } from '../../shared/ids.ts';
import type { AgentMessage } from '../../shared/protocol/agent-message.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Now } from '../../shared/time.ts';
import { SimAgenda } from './agenda.ts';
import { type AgentEnd, type Conn, eventOf } from './agent-conn.ts';
import type { Door, Judging } from './certificates/door.ts';
import type { ClockState } from './clock.ts';
import { Conns } from './conns.ts';
import type { ControllerWorld } from './controller-world.ts';
import type { Stream } from './network.ts';
import { Process, type Surroundings } from './process.ts';
import { SeenTerm, WatchedCore } from './seen-term.ts';
import type { Candidate, StorePath } from './store.ts';
import { StoreClient } from './store-client.ts';
import { brief } from './trace.ts';

const NO_METRICS = { committed: () => {}, lagged: () => {} };

/** What a leader is made of; all of it goes with its term. */
interface Lead {
  readonly seen: SeenTerm;
  readonly leaderTerm: LeaderTerm;
  readonly client: StoreClient;
}

export class ControllerNode extends Process {
  readonly endpoint: string;
  readonly path: StorePath = { cuts: 0 };
  readonly door: Door | undefined;
  #lead: Lead | undefined;
  readonly #world: ControllerWorld;
  readonly #candidate: Candidate;
  readonly conns = new Conns();
  #agenda: SimAgenda;
  /** What a pause in the middle of a turn left undone, in order. */
  #unfinished: (() => void)[] | undefined;
  /** The next turn with effects is interrupted for so long. */
  interruptMs: number | undefined;

  constructor(endpoint: string, surroundings: Surroundings, world: ControllerWorld) {
    super(endpoint, surroundings);
    this.endpoint = endpoint;
    this.#world = world;
    this.#agenda = this.#newAgenda();
    this.door = world.newDoor(this);
    this.#candidate = {
      name: endpoint,
      isReachable: () => this.isRunning && this.path.cuts === 0,
      elect: (term) => this.#elected(term),
    };
  }

  /** What is known of its term from outside. Undefined: it does not lead, as far as it knows. */
  get leads(): SeenTerm | undefined {
    return this.#lead?.seen;
  }

  /** For whoever judges by what the leader knows. Undefined: it does not lead. */
  get judging(): Judging | undefined {
    const lead = this.#lead;
    return lead && { state: lead.seen.core.state, confirm: () => lead.client.verifyTerm(lead.seen.term) };
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
    this.#agenda = this.#newAgenda();
    this.#unfinished = undefined;
    this.door?.begin();
    this.#campaignIn(this.#world.random.float() * 50);
  }

  protected onDeath(): void {
    this.#endTerm('it is gone');
    this.#world.store.bury(this.#candidate);
    this.conns.closeAll('the controller is gone');
  }

  /** The machine is gone without a word to anybody. */
  losePower(): void {
    this.conns.loseAll();
    this.die();
  }

  protected onWake(): void {
    this.#agenda.fire();
  }

  protected override onResume(): void {
    const unfinished = this.#unfinished ?? [];
    this.#unfinished = undefined;
    for (const act of unfinished) act();
  }

  #newAgenda(): SimAgenda {
    return new SimAgenda({
      queue: this.queue,
      random: this.#world.random,
      mono: () => this.clock.mono(this.queue.now),
      wakeAt: (mono) => this.wakeAt(mono),
      take: this.#takerOfThisLife(),
    });
  }

  /** As `take`, but never in a later life. */
  #takerOfThisLife(): (act: () => void) => void {
    const { life } = this;
    return (act) => {
      if (this.life === life) this.take(act);
    };
  }

  /** Hands something to the operating system, unless that has stopped the process just before. */
  readonly #handOut = (act: () => void): void => {
    if (this.#unfinished === undefined) act();
    else this.#unfinished.push(act);
  };

  #campaignIn(ms: number): void {
    this.later(ms, () => this.#world.store.campaign(this.#candidate));
  }

  /** The store says that this controller leads. Semantics C5: load at a revision not before that, then read the clock. */
  #elected(term: number): void {
    const { store } = this.#world;
    const seen = new SeenTerm({ controller: this.endpoint, term, core: this.#newCore() });
    const client = new StoreClient({
      cluster: store,
      ...{ path: this.path, queue: this.queue, agenda: this.#agenda, handOut: this.#handOut },
      take: this.#takerOfThisLife(),
      factsOf: (commit) => seen.factsOf(commit),
      onCovered: (begunAt) => seen.covered(begunAt),
    });
    const load = (): void => {
      client.load().then(
        (snapshot) => this.#begin(seen, client, snapshot),
        () => (store.holds(term) ? load() : this.#campaignIn(500)),
      );
    };
    load();
  }

  #newCore(): Core {
    const { initialTimers, verifyIntervalMs, schedules } = this.#world;
    return new Core({ version: 'sim', initialTimers, schedules, verifyIntervalMs, maxCommitsInFlight: 1 });
  }

  #begin(seen: SeenTerm, client: StoreClient, snapshot: Snapshot): void {
    const { store, values } = this.#world;
    if (this.#lead !== undefined) return;
    const { term } = seen;
    const incarnation = incarnationOf(term);
    const records = snapshot.records.map(({ key, value }) => values.decode(key, value));
    const leaderTerm = this.#newLeaderTerm(seen, client, snapshot.revision);
    this.#lead = { seen, leaderTerm, client };
    this.#world.say(this.name, () => `leads: term ${term}, incarnation ${incarnation}, ${records.length} records`);
    const firstOfIncarnation = isFirstOfIncarnation(records, incarnation);
    leaderTerm.elect({ kind: 'elected', term, incarnation, records, clusterId: store.clusterId, firstOfIncarnation });
    // Streams that came before belong to no leader.
    this.conns.closeAll('not the leader then');
  }

  #newLeaderTerm(seen: SeenTerm, client: StoreClient, revision: number): LeaderTerm {
    const { store, values, watch, recordsPerCommit } = this.#world;
    const stepDown = (reason: string): void =>
      this.#handOut(() => this.#agenda.next(() => this.leads === seen && this.stepDown(reason)));
    return new LeaderTerm({
      ...{ store: client, term: seen.term, clusterId: store.clusterId, revision, recordsPerCommit },
      core: new WatchedCore(seen, watch, () => this.#beforeEffects()),
      clock: () => this.clockNow(),
      agenda: this.#agenda,
      agents: {
        send: (conn, message) => this.#handOut(() => this.#send(seen, conn, message)),
        close: (conn, error) => this.#handOut(() => this.#close(conn, error)),
      },
      metrics: NO_METRICS,
      encode: values.encode,
      owner: {
        room: () => {},
        trouble: (trouble) => this.#world.say(this.name, () => `store: ${trouble?.detail ?? 'takes writes again'}`),
        stepDown,
        fatal: (error) => this.#world.failed(this.name, error),
      },
    });
  }

  /** Drops everything and starts over as a candidate. */
  stepDown(reason: string): void {
    const { leads } = this;
    if (leads === undefined) return;
    this.#world.say(this.name, () => `steps down: ${reason}`);
    this.#endTerm(reason);
    this.conns.closeAll('the controller does not lead any more');
    this.#world.store.bury(this.#candidate);
    // A clean end: the term is given back at once.
    this.#world.store.request(
      this.path,
      () => this.#world.store.revoke(leads.term),
      () => {},
      () => {},
    );
    this.#campaignIn(100 + this.#world.random.float() * 400);
  }

  #endTerm(reason: string): void {
    const lead = this.#lead;
    this.#lead = undefined;
    lead?.client.end();
    lead?.leaderTerm.end(new LocumError('NOT_LEADER', reason, { retryAfterMs: 500 }));
  }

  accept(stream: Stream, end: AgentEnd): ConnId {
    return this.conns.open(stream, end);
  }

  readonly endOf = (conn: ConnId): AgentEnd | undefined => this.conns.get(conn)?.end;

  streamClosed(conn: ConnId): void {
    this.take(() => {
      const known = this.conns.get(conn);
      if (known === undefined) return;
      this.conns.forget(conn);
      if (known.hello !== undefined) this.#post({ kind: 'stream_closed', conn });
    });
  }

  receive(stream: Stream, message: AgentMessage): void {
    this.take(() => {
      const conn = this.conns.idOf(stream);
      if (conn !== undefined) this.#handle(conn, message);
    });
  }

  #handle(conn: ConnId, message: AgentMessage): void {
    const known = this.conns.get(conn);
    if (known === undefined) return;
    const lead = this.#lead;
    if (lead === undefined) {
      this.#sendAway(known);
      return;
    }
    const event = this.#eventOf(conn, known, message);
    if (event === undefined) return;
    if (event.kind === 'hello') {
      this.#world.watch.heard(lead.seen, known.end, event.hello);
      lead.seen.received(conn, 0, this.queue.now);
    }
    if (event.kind === 'heartbeat') lead.seen.received(conn, event.sequence, this.queue.now);
    this.#post(event);
  }

  /** Undefined: nothing for the core, or its stream is ended for it. */
  #eventOf(conn: ConnId, known: Conn, message: AgentMessage): FromAgent | undefined {
    try {
      return eventOf(conn, known, message);
    } catch (error) {
      if (!(error instanceof LocumError)) throw error;
      this.#close(conn, error);
      return undefined;
    }
  }

  #close(conn: ConnId, error: LocumError | undefined): void {
    const known = this.conns.get(conn);
    if (known === undefined) return;
    if (error !== undefined) this.door?.ended(known.end, error);
    known.stream.closeByController(error?.message ?? 'ended by the leader');
  }

  #sendAway({ stream, end }: Conn): void {
    const endpoints = this.#world.leaderHint();
    if (this.#world.random.chance(0.5)) {
      stream.sendDown(() => end.receive(0, { kind: 'reconnect', endpoints, afterMs: 0, reason: 'NOT_LEADER' }));
    }
    stream.closeByController('this controller does not lead now');
  }

  /** `answered` is told that nobody leads here as well. Nothing: the process is dead. */
  call(call: CallDetails, answered: (result: CallResult) => void): void {
    this.take(() => {
      const answer = (result: CallResult): void => this.#handOut(() => answered(result));
      const refuse = (error: LocumError): void => answer({ ok: false, error });
      try {
        if (this.#lead === undefined) throw new LocumError('NOT_LEADER', 'nobody leads here', { retryAfterMs: 500 });
        this.#lead.leaderTerm.ask(call, { resolve: (value) => answer({ ok: true, value }), reject: refuse });
      } catch (error) {
        if (!(error instanceof LocumError)) throw error;
        refuse(error);
      }
    });
  }

  #post(event: FromAgent): void {
    this.#lead?.leaderTerm.post(event);
  }

  /** The operating system may stop the process between deciding and sending. */
  #beforeEffects(): void {
    const ms = this.interruptMs;
    if (ms === undefined) return;
    this.interruptMs = undefined;
    this.#world.say(this.name, () => `is paused for ${Math.round(ms)} ms before it sends`);
    this.#unfinished = [];
    this.#world.during(ms, this.pause());
  }

  #send(leader: SeenTerm, conn: ConnId, message: LeaderMessage): void {
    const known = this.conns.get(conn);
    if (known === undefined) return;
    this.#world.watch.sending(leader, conn, message);
    const { term } = leader;
    this.#world.say(this.name, () => `→ ${known.end.host.name} ${brief({ ...message, workload: undefined })}`);
    known.stream.sendDown(() => known.end.receive(term, message));
    if (message.kind === 'start' && this.#world.repeatsStarts()) this.#repeat(known, term, message);
  }

  #repeat({ stream, end }: Conn, term: number, start: LeaderMessage): void {
    const afterMs = 20_000 * this.#world.random.float() ** 3;
    this.later(afterMs, () => stream.sendDown(() => end.receive(term, start)));
  }
}
