/**
 * A world around the controller's core: virtual time, a store, and agents that keep to the rules. One controller at a time;
 * it can crash and be elected again from what was durable. What happens is told to an observer.
 */

import type { ClusterState, Keep } from '../../../../controller/core/cluster/cluster.ts';
import type { Effect } from '../../../../controller/core/cluster/effect.ts';
import type { AdminCall, Call, Event } from '../../../../controller/core/cluster/event.ts';
import { Core } from '../../../../controller/core/core.ts';
import { checkAll } from '../../../../controller/core/runs/invariants.ts';
import { Performer } from '../../../../controller/engine/effects.ts';
import { createScheduleReader } from '../../../../controller/engine/schedules.ts';
import { assert, present } from '../../../../shared/assert.ts';
import type { LocumError } from '../../../../shared/errors.ts';
import { serverId } from '../../../../shared/ids.ts';
import type { Now } from '../../../../shared/time.ts';
import { brokenPromises } from '../../../sim/checks/queue-checks.ts';
import type { AgentFacts } from './agent-facts.ts';
import { CLUSTER_ID, ModelAgent, type Said } from './model-agent.ts';
import { ModelStore } from './model-store.ts';
import { ModelTime } from './model-time.ts';

/** So many things may happen in one moment. */
const MAX_AT_ONCE = 20_000;

export interface WorldOptions {
  /** Milliseconds that a message, a commit or a check takes; asked for each. Default: none. */
  readonly latencyMs?: () => number;
  /** How much is kept of what is over. Default: that of the core. */
  readonly keep?: Keep;
  readonly onEffect?: (effect: Effect) => void;
  readonly onSaid?: (agent: ModelAgent, said: Said) => void;
}

/** One stream, from the dial to its end; messages keep their order each way. */
interface Stream {
  readonly agent: ModelAgent;
  readonly life: number;
  open: boolean;
  upAtMono: number;
  downAtMono: number;
}

export class ModelWorld {
  readonly time = new ModelTime();
  readonly store: ModelStore;
  readonly agents = new Map<string, ModelAgent>();
  /** Agents whose network is cut: nothing arrives either way, and nobody is told. */
  readonly cut = new Set<ModelAgent>();
  readonly #options: WorldOptions;
  readonly #latencyMs: () => number;
  readonly #streams = new Map<number, Stream>();
  #core: Core | undefined;
  #performer: Performer | undefined;
  #mail: Event[] = [];
  #life = 0;
  #lastConn = 0;
  #lastCall = 0;
  /** Ticks that were handled. */
  ticks = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.#latencyMs = options.latencyMs ?? (() => 0);
    this.store = new ModelStore({ time: this.time, latencyMs: this.#latencyMs });
  }

  get now(): Now {
    return this.time.now;
  }

  get core(): Core {
    return present(this.#core, 'a controller leads');
  }

  get isLed(): boolean {
    return this.#core !== undefined;
  }

  get state(): ClusterState {
    return this.core.state;
  }

  /** A controller leads, from what is durable; `first` of its incarnation by default when there is nothing. */
  elect({ incarnation = 1, first = false } = {}): void {
    this.crash();
    const { term, records } = this.store.elect();
    this.#core = new Core({
      version: 'test',
      schedules: createScheduleReader(),
      verifyIntervalMs: 0,
      maxCommitsInFlight: 1,
      keep: this.#options.keep,
    });
    this.#performer = this.#newPerformer();
    this.post({
      kind: 'elected',
      term,
      clusterId: CLUSTER_ID,
      incarnation,
      firstOfIncarnation: first || records.length === 0,
      records,
    });
  }

  /** The controller is gone, and with it the streams and what it had not committed. */
  crash(): void {
    this.#core = undefined;
    this.#mail = [];
    this.#life += 1;
    this.store.crash();
    for (const [conn, stream] of this.#streams) this.#dropStream(conn, stream, 'the controller went away');
  }

  /** A new agent, or the known one of this name. */
  agent(name: string, facts: Partial<AgentFacts> = {}): ModelAgent {
    const known = this.agents.get(name);
    if (known !== undefined) return known;
    const agent: ModelAgent = new ModelAgent(
      serverId(name),
      {
        pool: 'default',
        uid: undefined,
        instanceId: `${name}-i1`,
        machineId: `${name}-m1`,
        bootId: `${name}-b1`,
        bootMono: this.now.mono,
        capabilities: [],
        maxSlots: undefined,
        saturated: false,
        highestTerm: 0,
        highestEpoch: 0,
        clusterId: '',
        ...facts,
      },
      this.time,
      {
        open: () => this.#open(agent),
        say: (conn, said) => this.#fromAgent(conn, said),
        close: (conn) => this.#closedByAgent(conn),
      },
    );
    this.agents.set(name, agent);
    return agent;
  }

  agentOf(conn: number): ModelAgent | undefined {
    return this.#streams.get(conn)?.agent;
  }

  /** Posts an administrator's call; its answer is an effect. */
  call(request: Call, details: Partial<Omit<AdminCall, 'kind' | 'call' | 'request'>> = {}): number {
    this.#lastCall += 1;
    const fingerprint = JSON.stringify(request);
    const origin = { method: `locum.v1/${request.kind}`, source: '192.0.2.1' };
    const call = { actor: 'operator:ann', origin, requestId: '', fingerprint, validateOnly: false, ...details };
    this.post({ kind: 'call', call: this.#lastCall, request, ...call });
    return this.#lastCall;
  }

  post(event: Event): void {
    this.#mail.push(event);
    // One turn of the loop takes in all that came meanwhile.
    if (this.#mail.length === 1) this.time.plan(this.now.mono, () => this.#turn());
  }

  /** Lets time pass up to a moment, with all that happens in it. */
  advanceTo(untilMono: number): void {
    let atOnce = 0;
    for (let sinceMono = this.now.mono; ; ) {
      atOnce = this.now.mono === sinceMono ? atOnce + 1 : 0;
      sinceMono = this.now.mono;
      assert(atOnce < MAX_AT_ONCE, `time does not stand still at ${sinceMono} ms`);
      const wake = this.#core === undefined || this.#mail.length > 0 ? undefined : this.#core.nextWakeMono();
      const next = Math.min(this.time.queue.nextAt ?? Number.POSITIVE_INFINITY, wake ?? Number.POSITIVE_INFINITY);
      if (next > untilMono) break;
      if (this.time.queue.nextAt !== undefined && this.time.queue.nextAt <= next) {
        this.time.queue.doNext(untilMono);
      } else {
        this.time.queue.skipTo(next);
        this.ticks += 1;
        this.post({ kind: 'tick' });
      }
    }
    this.time.queue.skipTo(untilMono);
  }

  #turn(): void {
    const core = this.#core;
    const mail = this.#mail;
    this.#mail = [];
    if (core === undefined) return;
    for (const event of mail) core.step(event, this.now);
    const effects = core.flush(this.now);
    checkAll(core.state, this.now);
    // A wait that is over is looked at with the tick, which may come after other mail of its moment.
    if (mail.some(({ kind }) => kind === 'tick')) {
      const broken = brokenPromises(core.state, this.now);
      assert(broken.length === 0, broken.join('; '));
    }
    for (const effect of effects) this.#options.onEffect?.(effect);
    this.#performer?.perform(effects, this.now);
  }

  /** What the newest leader asks for is done by the performer that ships, at this store and these agents. */
  #newPerformer(): Performer {
    const life = this.#life;
    const post = (event: Event): void => {
      if (life === this.#life) this.post(event);
    };
    return new Performer({
      committer: {
        persist: (commit, writes) => this.store.commit(commit, writes, post),
        verify: (check) => this.store.verify(check, post),
      },
      agents: {
        send: (conn, message) => {
          const { term } = this.core.state;
          this.#down(conn, (agent) => agent.receive(conn, term, message));
        },
        close: (conn, error) => this.#closedByController(conn, error),
      },
      calls: { settle: () => {} },
      hub: { publish: () => {} },
    });
  }

  #open(agent: ModelAgent): number {
    this.#lastConn += 1;
    this.#streams.set(this.#lastConn, { agent, life: this.#life, open: true, upAtMono: 0, downAtMono: 0 });
    return this.#lastConn;
  }

  #fromAgent(conn: number, said: Said): void {
    const stream = this.#streams.get(conn);
    if (stream === undefined || this.cut.has(stream.agent)) return;
    this.#options.onSaid?.(stream.agent, said);
    this.#up(stream, { ...said, conn } as Event);
  }

  #up(stream: Stream, event: Event): void {
    const { life } = stream;
    stream.upAtMono = Math.max(stream.upAtMono, this.now.mono + this.#latencyMs());
    const arrive = (): void => {
      if (life === this.#life && this.#core !== undefined) this.post(event);
    };
    if (stream.upAtMono <= this.now.mono) arrive();
    else this.time.plan(stream.upAtMono, arrive);
  }

  #down(conn: number, act: (agent: ModelAgent) => void): void {
    const stream = this.#streams.get(conn);
    if (stream === undefined || this.cut.has(stream.agent)) return;
    stream.downAtMono = Math.max(stream.downAtMono, this.now.mono + this.#latencyMs());
    this.time.plan(stream.downAtMono, () => {
      if (stream.open) act(stream.agent);
    });
  }

  #closedByController(conn: number, error: LocumError | undefined): void {
    const reason = error === undefined ? 'closed by the controller' : error.reason;
    this.#down(conn, () => {
      const stream = this.#streams.get(conn);
      if (stream !== undefined) this.#dropStream(conn, stream, reason);
    });
  }

  #closedByAgent(conn: number): void {
    const stream = this.#streams.get(conn);
    if (stream === undefined) return;
    stream.open = false;
    if (!this.cut.has(stream.agent)) this.#up(stream, { kind: 'stream_closed', conn });
  }

  #dropStream(conn: number, stream: Stream, reason: string): void {
    stream.open = false;
    stream.agent.closed(conn, reason);
  }
}
