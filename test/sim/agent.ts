/** The agent process: the real agent core, with a simulated shell that performs its effects in order. */
import { Core } from '../../agent/core/core.ts';
import type { Effect } from '../../agent/core/effect.ts';
import type { Event } from '../../agent/core/event.ts';
import type { CheckOutcome } from '../../agent/core/health.ts';
import type { AgentState } from '../../agent/core/state.ts';
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { unreachable } from '../../shared/assert.ts';
import type { Prng } from '../../shared/prng.ts';
import type { AgentMessage, Capacity } from '../../shared/protocol/agent-message.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import type { Capability } from '../../shared/protocol/capability.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import { CertificateHolder, type SignerTrouble, shakeHands } from './certificates/holder.ts';
import { type Credentials, certificateCapabilities } from './certificates/pki.ts';
import type { ControllerNode } from './controller.ts';
import type { Host } from './host.ts';
import type { KeeperNode } from './keeper.ts';
import { KeeperChannel } from './keeper-channel.ts';
import type { Link, Network, Stream } from './network.ts';
import { Process, type Surroundings } from './process.ts';
import { brief } from './trace.ts';

export interface AgentWorld {
  readonly host: Host;
  readonly keeper: KeeperNode;
  readonly network: Network;
  readonly random: Prng;
  readonly endpoints: readonly string[];
  readonly controllerAt: (endpoint: string) => ControllerNode | undefined;
  /** Undefined: a world without certificates. */
  readonly signers: SignerTrouble | undefined;
  /** A leader's message was handed to the agent; `effects` is what it made of it. */
  obeyed(agent: AgentNode, term: number, message: LeaderMessage, effects: readonly Effect[]): void;
  /** Whether its health checks fail now. */
  failsChecks(attempt: AttemptRef): boolean;
  /** An assertion failed inside the core. */
  failed(who: string, error: unknown): void;
  /** Undoes something after a while, or when faults end. */
  during(ms: number, undo: () => void): void;
  say(who: string, what: () => string): void;
}

/** What the world gave it to report about itself. */
export interface AgentFacts {
  capabilities: readonly Capability[];
  capacity: Capacity;
  readonly maxSlots: number | undefined;
}

const FLUSH_LIMIT_MS = 2_000;
const SAVE_AGAIN_MS = 2_000;
/** Until the other end knows of a reset. */
const RESET_MS = 20;

export class AgentNode extends Process {
  readonly facts: AgentFacts;
  readonly #world: AgentWorld;
  #core: Core | undefined;
  #keeper: KeeperChannel | undefined;
  readonly #certificates: CertificateHolder | undefined;
  #streams = new Map<number, Stream>();
  /** The operating system stops the process for so long, just before it reads its next start. */
  interruptMs: number | undefined;

  constructor(surroundings: Surroundings, world: AgentWorld, facts: AgentFacts) {
    super(`${world.host.name}.agent`, surroundings);
    this.#world = world;
    this.facts = facts;
    const { signers: trouble } = world;
    if (trouble !== undefined)
      this.#certificates = new CertificateHolder({ ...world, ...{ agent: this, queue: this.queue, trouble } });
  }

  get host(): Host {
    return this.#world.host;
  }

  get state(): AgentState | undefined {
    return this.alive ? this.#core?.state : undefined;
  }

  protected onStart(): void {
    const { host, keeper, random, endpoints } = this.#world;
    const { uid, clusterId, highestTerm } = host.identity;
    const { maxSlots } = this.facts;
    const now = this.clock.read(this.queue.now);
    this.#core = new Core(
      { host: host.facts, endpoints, maxSlots, uid, clusterId, highestTerm, seed: random.uint32() },
      now,
    );
    this.#streams = new Map();
    const { life } = this;
    this.#keeper = new KeeperChannel({
      host,
      keeper,
      queue: this.queue,
      random,
      take: (act) => {
        if (life === this.life) this.take(act);
      },
      onEvent: (event) => this.step(event),
      onProblems: (problems) => this.step({ kind: 'host_problems', problems }),
    });
    this.#certificates?.tell();
    this.tellFacts();
    this.step({ kind: 'capacity', capacity: this.facts.capacity });
    this.step({ kind: 'begin' });
    if (highestTerm > host.directory.highestTerm) this.#saveAgain();
  }

  /** Its sockets are closed by the operating system, unless the machine lost its power. */
  protected onDeath(): void {
    this.#keeper?.close();
    for (const stream of this.#streams.values()) stream.closeByAgent({ flush: false });
    this.#streams.clear();
  }

  /** The machine is gone without a word to anybody. */
  losePower(): void {
    for (const stream of this.#streams.values()) stream.loseAgent();
    this.#streams.clear();
    this.die();
  }

  protected onWake(): void {
    this.step({ kind: 'tick' });
  }

  /** What it is able to, and what it says of its certificate. */
  tellFacts(): void {
    const capabilities = [...this.facts.capabilities, ...certificateCapabilities(this.host.directory.credentials)];
    this.step({ kind: 'capabilities', capabilities });
  }

  /** Somebody puts another certificate into the folder of its host. */
  putCredentials(credentials: Credentials): void {
    this.#certificates?.put(credentials);
  }

  step(event: Event): readonly Effect[] {
    const core = this.#core;
    if (core === undefined || !this.alive) return [];
    try {
      const now = this.clock.read(this.queue.now);
      core.step(event, now);
      const effects = core.flush(now);
      for (const effect of effects) this.#perform(effect);
      return effects;
    } catch (error) {
      this.#world.failed(this.name, error);
      return [];
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'open_keeper':
        this.#keeper?.open(effect.mayStart);
        return;
      case 'ask_keeper':
        if (effect.ask.kind !== 'ping')
          this.#world.say(this.name, () => `keeper: ${brief(withoutWorkload(effect.ask))}`);
        this.#keeper?.ask(effect.request, effect.ask);
        return;
      case 'kill_trees':
        this.#world.say(this.name, () => `kills its keeper and ${brief(effect.trees)}`);
        this.#keeper?.killTrees(effect.keeperPid, effect.trees);
        return;
      case 'dial':
        this.#dial(effect);
        return;
      case 'check':
        this.#check(effect);
        return;
      case 'renew_certificate':
        this.#certificates?.renew(effect.endpoint);
        return;
      case 'send':
        this.#send(effect.stream, effect.message);
        return;
      case 'close_stream':
        this.#close(effect.stream, effect.flush);
        return;
      case 'save_identity':
        this.#saveIdentity(effect);
        return;
      case 'forget_cluster':
        this.host.forgetCluster();
        return;
      case 'wake':
        this.wakeAt(effect.atMono);
        return;
      case 'log':
        if (effect.level !== 'debug') this.#world.say(this.name, () => `${effect.text} ${brief(effect.fields)}`);
        return;
      case 'exit':
        this.die();
        return;
      default:
        unreachable(effect);
    }
  }

  #check({ attempt, timeoutMs }: Extract<Effect, { kind: 'check' }>): void {
    const fails = this.#world.failsChecks(attempt);
    const outcome: CheckOutcome = fails ? { kind: 'FAILED', detail: 'the simulator says no' } : { kind: 'SUCCEEDED' };
    this.later(fails ? timeoutMs : 5, () => this.step({ kind: 'checked', attempt, outcome }));
  }

  /** Where the disk does not take it, only memory has it, until the disk does or the machine is booted. */
  #saveIdentity({ uid, clusterId, highestTerm }: Extract<Effect, { kind: 'save_identity' }>): void {
    const { disk, directory } = this.host;
    this.host.remembered = { uid, clusterId, highestTerm };
    const save = (): void => {
      Object.assign(directory, { uid, clusterId, highestTerm });
    };
    if (disk.state === 'sound') save();
    else disk.write(save, (problem) => problem !== undefined && this.later(SAVE_AGAIN_MS, () => this.#saveAgain()));
  }

  #saveAgain(): void {
    const { state } = this;
    if (state !== undefined) this.#saveIdentity({ kind: 'save_identity', ...state });
  }

  #dial({ stream: id, endpoint, limitMs }: Extract<Effect, { kind: 'dial' }>): void {
    const { network, host } = this.#world;
    const controller = this.#world.controllerAt(endpoint);
    const link = network.link(host.name, endpoint);
    const roundTripMs = network.delayMs(link.up) + network.delayMs(link.down);
    const reachable = controller !== undefined && network.isOpen(link) && roundTripMs <= limitMs;
    if (!reachable || controller.isPaused) {
      this.later(limitMs, () => this.step({ kind: 'closed', stream: id, reason: `no connection to ${endpoint}` }));
      return;
    }
    this.later(roundTripMs, () => {
      if (this.#core?.state.candidate?.stream !== id) return;
      const hands = shakeHands(host, this.queue.now, controller.door);
      const isThere = controller.alive && network.isOpen(link);
      if (isThere && hands.kind === 'ADMITTED') this.#connect(id, controller, link, hands.peer);
      else this.step({ kind: 'closed', stream: id, reason: `${endpoint} refuses ${brief(hands)}` });
    });
  }

  #connect(id: number, controller: ControllerNode, link: Link, peer: AcceptedPeer | undefined): void {
    const { life } = this;
    const mine = (act: () => void): void => {
      if (life === this.life) this.take(act);
    };
    let conn = 0;
    const stream = this.#world.network.open(link, {
      onAgentClosed: (reason) => mine(() => this.#closed(id, reason)),
      onWritable: (writable) => mine(() => this.step({ kind: 'writable', stream: id, writable })),
      onControllerClosed: () => controller.streamClosed(conn),
    });
    this.#streams.set(id, stream);
    conn = controller.accept(stream, {
      host: this.host,
      agentLife: life,
      peer,
      issuer: this.host.directory.credentials?.certificate.issuer,
      openedAt: this.queue.now,
      receive: (term, message) => {
        if (message.kind === 'start' && this.host.chokesOnStarts) {
          this.#world.network.reset(stream, RESET_MS);
          return;
        }
        if (message.kind === 'start' && life === this.life) this.#maybeInterrupt();
        mine(() => this.#receive(id, term, message));
      },
    });
    this.step({ kind: 'connected', stream: id });
  }

  #maybeInterrupt(): void {
    const { interruptMs: ms } = this;
    const world = this.#world;
    const { host } = world;
    if (ms === undefined || !this.isRunning || host.faultyUntil >= this.queue.now) return;
    this.interruptMs = undefined;
    host.engage(this.queue.now + ms);
    world.say(this.name, () => `is paused for ${Math.round(ms)} ms before it reads a start`);
    world.during(ms, this.pause());
  }

  #receive(id: number, term: number, message: LeaderMessage): void {
    const current = id === this.#core?.state.session?.stream || id === this.#core?.state.candidate?.stream;
    this.#world.say(this.name, () => `← ${current ? '' : '(given up) '}${term} ${brief(withoutWorkload(message))}`);
    const effects = this.step({ kind: 'received', stream: id, term, message });
    this.#world.obeyed(this, term, message, effects);
  }

  #closed(id: number, reason: string): void {
    this.#streams.delete(id);
    this.step({ kind: 'closed', stream: id, reason });
  }

  #send(id: number, message: AgentMessage): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#world.say(this.name, () => `→ ${brief(message)}`);
    stream.sendUp(() => this.#world.controllerAt(stream.link.endpoint)?.receive(stream, message));
  }

  #close(id: number, flush: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.closeByAgent({ flush });
    if (!flush) this.#streams.delete(id);
    else this.later(FLUSH_LIMIT_MS, () => stream.endAgent('the controller did not end the stream'));
  }
}

/** What is run is the same for all and says nothing. */
export function withoutWorkload<T extends object>(message: T): object {
  if ('command' in message && typeof message.command === 'object' && message.command !== null) {
    return { ...message, command: withoutWorkload(message.command) };
  }
  return 'workload' in message ? { ...message, workload: undefined, arguments: undefined } : message;
}
