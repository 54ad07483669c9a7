/**
 * The agent's core on virtual time, with a keeper that answers and a leader that the test plays by hand. Time moves only in
 * `advance`, which delivers each wake-up that the core asked for, as the shell's timer would.
 */
import type { AgentNow } from '../../../agent/core/clock.ts';
import { Core } from '../../../agent/core/core.ts';
import type { Effect } from '../../../agent/core/effect.ts';
import type { Event } from '../../../agent/core/event.ts';
import type { AgentState, CoreOptions } from '../../../agent/core/state.ts';
import {
  DEFAULT_POOL,
  epoch,
  firstOfIncarnation,
  policyId,
  type RunId,
  runId,
  serverId,
  sessionId,
  uid,
} from '../../../shared/ids.ts';
import type { AgentMessage, HostFacts } from '../../../shared/protocol/agent-message.ts';
import type { FrozenTerms } from '../../../shared/protocol/attempt.ts';
import type { LeaderMessage, StartCommand, Verdict } from '../../../shared/protocol/leader-message.ts';
import { DEFAULT_TIMERS, type Timers } from '../../../shared/protocol/timers.ts';
import { VirtualKeeper } from './virtual-keeper.ts';

export const TERM = firstOfIncarnation(1) + 1;
export const TIMERS: Timers = { ...DEFAULT_TIMERS, heartbeatMs: 5_000, leaseMs: 20_000 };
export const HOST: HostFacts = {
  ...{ server: serverId('web-1'), pool: DEFAULT_POOL, instanceId: 'i', machineId: 'm', bootId: 'b', agentVersion: '1' },
};
export const TERMS: FrozenTerms = { onDisconnect: 'STOP', leaseMs: 20_000, stopTimeoutMs: 10_000, killGuardMs: 5_000 };
export const CLUSTER = 'cluster-a';
export const RUN = runId('import-1');

type Sent = Extract<Effect, { kind: 'send' }>;

export class VirtualAgent {
  readonly keeper = new VirtualKeeper();
  readonly effects: Effect[] = [];
  readonly #core: Core;
  now: AgentNow = { mono: 1_000_000, boot: 2_000_000, wall: 1_700_000_000_000 };
  readonly #options: CoreOptions;
  #wakeAt = Number.POSITIVE_INFINITY;
  #lastCommand = 0;
  #generation = 1;
  readonly #sentAt = new Map<string, number>();

  constructor(options: Partial<CoreOptions> = {}) {
    this.#options = {
      ...{ endpoints: ['a:1', 'b:1', 'c:1'], maxSlots: undefined, uid: '', clusterId: '', highestTerm: 0, seed: 1 },
      host: HOST,
      ...options,
    };
    this.#core = new Core(this.#options, this.now);
  }

  get state(): AgentState {
    return this.#core.state;
  }

  /** Steps the core, and the keeper's answers after it: never before all effects of a step are performed, as in the agent's loop. */
  handle(event: Event): void {
    this.#core.step(event, this.now);
    const effects = this.#core.flush(this.now);
    this.effects.push(...effects);
    const answers = effects.flatMap((effect) => this.#perform(effect));
    for (const answer of answers) this.handle(answer);
  }

  #perform(effect: Effect): readonly Event[] {
    if (effect.kind === 'wake') this.#wakeAt = effect.atMono;
    else if (effect.kind === 'send') this.#noteSent(effect);
    return effect.kind === 'ask_keeper' ? this.keeper.ask(effect.request, effect.ask) : [];
  }

  #noteSent({ stream, message }: Sent): void {
    if (message.kind !== 'hello' && message.kind !== 'heartbeat') return;
    const sequence = message.kind === 'hello' ? 0 : message.sequence;
    this.#sentAt.set(`${stream}#${sequence}`, this.now.mono);
  }

  /** When a heartbeat of the session left, by the world's clock and not by the core's stamps. */
  sendTime(sequence: number): number | undefined {
    return this.#sentAt.get(`${this.stream}#${sequence}`);
  }

  /** Lets time pass on all clocks, waking the core when it asked for it. */
  advance(ms: number): void {
    const until = this.now.mono + ms;
    while (this.#wakeAt <= until) {
      this.pass(Math.max(0, this.#wakeAt - this.now.mono));
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.handle({ kind: 'tick' });
    }
    this.pass(until - this.now.mono);
  }

  /** Time passes and the agent does not notice: it is stopped, or its messages wait. */
  pass(ms: number): void {
    this.move({ mono: ms, boot: ms, wall: ms });
  }

  /** Moves each clock by itself. */
  move(by: Partial<AgentNow>): void {
    const { mono = 0, boot = 0, wall = 0 } = by;
    const { now } = this;
    this.now = { ...now, mono: now.mono + mono, boot: now.boot + boot, wall: now.wall + wall };
  }

  /** Starts the agent and connects it to a keeper with the given table. */
  begin(): this {
    this.handle({ kind: 'begin' });
    this.handle(this.keeper.opened());
    return this;
  }

  /** A session with a leader: generation 1, no attempts unless the keeper had some, its first heartbeat is granted. */
  join(verdicts: readonly Verdict[] = []): this {
    this.begin();
    this.connect();
    this.welcome({ verdicts });
    this.grant();
    return this;
  }

  /** The newest dialled stream. */
  get dialled(): number {
    return this.state.lastStream;
  }

  /** The stream of the session; the newest dialled one where there is none. */
  get stream(): number {
    return this.state.session?.stream ?? this.dialled;
  }

  connect(): void {
    this.handle({ kind: 'connected', stream: this.dialled });
  }

  receive(message: LeaderMessage, { stream = this.stream, term = this.state.session?.term ?? TERM } = {}): void {
    this.handle({ kind: 'received', stream, term, message });
  }

  welcome(facts: { verdicts?: readonly Verdict[]; term?: number; clusterId?: string; timers?: Timers } = {}): void {
    const { verdicts = [], term = TERM, clusterId = CLUSTER, timers = TIMERS } = facts;
    this.#generation = 1;
    const stream = this.dialled;
    const session = sessionId(`${term}-${stream}`);
    this.receive({ kind: 'welcome', session, clusterId, uid: uid('server-uid'), timers, verdicts }, { term, stream });
  }

  /** Grants a heartbeat. Default: the newest one, of the newest generation that `start` and `stop` made. */
  grant(facts: { sequence?: number; generation?: number; stream?: number; term?: number } = {}): void {
    const { sequence = this.lastSequence, generation = this.#generation, ...where } = facts;
    this.receive({ kind: 'grant', sequence, generation }, where);
  }

  /** A start of the test's run, bound to the newest heartbeat. */
  startCommand(change: Partial<StartCommand> = {}): StartCommand {
    this.#lastCommand += 1;
    return {
      ...{ kind: 'start', commandId: this.#lastCommand, generation: this.#generation + 1, sequence: this.lastSequence },
      ...{ run: RUN, policy: policyId('import'), epoch: epoch(7), terms: TERMS, slots: 1, arguments: [] },
      workload: { kind: 'command', argv: ['true'], env: {}, workingDirectory: '', user: '' },
      ...change,
    };
  }

  start(change: Partial<StartCommand> = {}, where: { stream?: number; term?: number } = {}): void {
    const command = this.startCommand(change);
    this.#generation = command.generation;
    this.receive(command, where);
  }

  stop(run: RunId = RUN, ofEpoch = epoch(7)): void {
    this.#lastCommand += 1;
    this.#generation += 1;
    const command = { commandId: this.#lastCommand, generation: this.#generation, run, epoch: ofEpoch, reason: 'test' };
    this.receive({ kind: 'stop', ...command });
  }

  get lastSequence(): number {
    return this.state.session?.sequence ?? 0;
  }

  ofKind<K extends Effect['kind']>(kind: K): readonly Extract<Effect, { kind: K }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
  }

  /** Messages of one kind that were sent, oldest first. */
  said<K extends AgentMessage['kind']>(kind: K, stream?: number): readonly Extract<AgentMessage, { kind: K }>[] {
    return this.ofKind('send')
      .filter((sent: Sent) => stream === undefined || sent.stream === stream)
      .map(({ message }) => message)
      .filter((message): message is Extract<AgentMessage, { kind: K }> => message.kind === kind);
  }

  /** The newest command result. */
  get lastAnswer() {
    return this.said('command_result').at(-1);
  }

  /** The attempts of the test's run that are being stopped by the keeper, with the cause. */
  get stops(): readonly string[] {
    return this.keeper.asks('stop').map(({ attempt, cause }) => `${attempt.run}@${attempt.epoch} ${cause}`);
  }

  /** Forgets what happened so far, so that a test can look at what follows. */
  clear(): void {
    this.effects.length = 0;
    this.keeper.asked.length = 0;
  }

  /** Grants heartbeats for a while, as a healthy leader does. */
  live(ms: number): void {
    const until = this.now.mono + ms;
    let granted = this.lastSequence;
    while (this.now.mono < until) {
      this.advance(Math.min(100, until - this.now.mono));
      if (this.lastSequence > granted) this.grant();
      granted = this.lastSequence;
    }
  }
}
