/**
 * The network between hosts and controllers: one link per pair, each of its two ways with a delay and cuts of its own. On a link run
 * streams like TCP connections: what is sent one way arrives in order, late or not at all, and never twice. What can't get through
 * waits and goes on when the cut is over. Each end of a stream learns of its end by itself, and may learn of it much later.
 */
import type { Prng } from '../../shared/prng.ts';
import type { EventQueue } from './event-queue.ts';

export type WayName = 'up' | 'down';

/** So long the end of a stream may come after the last that was sent on it. */
const LAST_WORD_MS = 50;

/** One way of a link. `up` is from host to controller. */
class Way {
  cuts = 0;
  extraDelayMs = 0;
}

export interface Link {
  readonly host: string;
  /** Of the controller at its end. */
  readonly endpoint: string;
  readonly up: Way;
  readonly down: Way;
}

/** What an end of a stream is told. */
export interface Ends {
  /** The agent's end: the stream is over. */
  readonly onAgentClosed: (reason: string) => void;
  /** The agent's end: it takes more, or not. */
  readonly onWritable: (writable: boolean) => void;
  readonly onControllerClosed: () => void;
}

/** One way of one stream. */
class Channel {
  readonly way: Way;
  readonly held: (() => void)[] = [];
  lastAt = 0;
  /** What is under way and not yet there is lost. */
  severed = false;

  constructor(way: Way) {
    this.way = way;
  }
}

export class Stream {
  readonly link: Link;
  readonly up: Channel;
  readonly down: Channel;
  readonly ends: Ends;
  agentOpen = true;
  /** The agent has ended its half and waits for the other one. */
  agentFlushing = false;
  controllerOpen = true;
  readonly #network: Network;

  get host(): string {
    return this.link.host;
  }

  constructor(network: Network, link: Link, ends: Ends) {
    this.#network = network;
    this.link = link;
    this.ends = ends;
    this.up = new Channel(link.up);
    this.down = new Channel(link.down);
  }

  /** Sends to the controller; dropped there when its end is closed by then. */
  sendUp(act: () => void): void {
    if (this.agentOpen && !this.agentFlushing) this.#network.carry(this.up, () => this.controllerOpen && act());
  }

  /** Sends to the agent. It arrives also when the agent has given the stream up: not to listen is the agent's business. */
  sendDown(act: () => void): void {
    if (this.controllerOpen) this.#network.carry(this.down, act);
  }

  /** `flush`: after what was sent, waiting for the other end; else at once, and what is under way may be lost. */
  closeByAgent({ flush }: { readonly flush: boolean }): void {
    if (!this.agentOpen || this.agentFlushing) return;
    if (flush) this.agentFlushing = true;
    else this.agentOpen = false;
    if (!flush && this.#network.random.chance(0.5)) this.#network.sever(this.up);
    this.#network.carry(this.up, () => this.endController(), { evenIfSevered: true });
  }

  /** After what was sent. */
  closeByController(reason: string): void {
    if (!this.controllerOpen) return;
    this.controllerOpen = false;
    this.#network.carry(this.down, () => this.endAgent(reason), { evenIfSevered: true });
    this.#network.forgetIfOver(this);
  }

  /** The agent's end finds out that the stream is over. */
  endAgent(reason: string): void {
    if (!this.agentOpen) return;
    this.agentOpen = false;
    this.agentFlushing = false;
    this.ends.onAgentClosed(reason);
    this.#network.forgetIfOver(this);
  }

  /** The controller's end finds out that the stream is over. */
  endController(): void {
    if (!this.controllerOpen) return;
    this.controllerOpen = false;
    this.ends.onControllerClosed();
    // It ends its half as well.
    this.#network.carry(this.down, () => this.endAgent('the controller ended the stream'), { evenIfSevered: true });
    this.#network.forgetIfOver(this);
  }

  /** The machine under the agent is gone without a word. */
  loseAgent(): void {
    this.agentOpen = false;
    this.#network.sever(this.up);
  }

  loseController(): void {
    this.controllerOpen = false;
    this.#network.sever(this.down);
  }
}

export interface NetworkOptions {
  readonly queue: EventQueue;
  readonly random: Prng;
  /** Longest usual delay of one way. */
  readonly delayMs: number;
  /** Transports notice within 10 to 15 s that nothing comes back; without it streams stay half open. */
  readonly keepalive: boolean;
}

export class Network {
  readonly random: Prng;
  /** What is wrong with connections made now: this share of them hangs at first, up to so long, on the way to the controller. */
  readonly stall = { share: 0, shortestMs: 0, longestMs: 0 };
  readonly #options: NetworkOptions;
  readonly #links = new Map<string, Link>();
  readonly #streams = new Set<Stream>();

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.random = options.random;
  }

  get streams(): ReadonlySet<Stream> {
    return this.#streams;
  }

  link(host: string, endpoint: string): Link {
    const key = `${host}|${endpoint}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { host, endpoint, up: new Way(), down: new Way() };
      this.#links.set(key, link);
    }
    return link;
  }

  open(link: Link, ends: Ends): Stream {
    const stream = new Stream(this, link, ends);
    // Each connection has its own losses and retransmissions: one may hang while the next one gets through.
    const { share, shortestMs, longestMs } = this.stall;
    if (this.random.chance(share))
      stream.up.lastAt = this.#options.queue.now + shortestMs + this.random.float() * (longestMs - shortestMs);
    this.#streams.add(stream);
    return stream;
  }

  forgetIfOver(stream: Stream): void {
    if (!stream.agentOpen && !stream.controllerOpen) this.#streams.delete(stream);
  }

  delayMs(way: Way): number {
    return this.random.float() * this.#options.delayMs + 0.1 + way.extraDelayMs;
  }

  /** Brings something to the other end of a channel, in order. */
  carry(channel: Channel, act: () => void, { evenIfSevered = false } = {}): void {
    if (channel.severed && !evenIfSevered) return;
    if (channel.way.cuts > 0) channel.held.push(act);
    else this.#schedule(channel, act, evenIfSevered);
  }

  #schedule(channel: Channel, act: () => void, evenIfSevered = false): void {
    const { queue } = this.#options;
    channel.lastAt = Math.max(channel.lastAt, queue.now + this.delayMs(channel.way));
    // The end of a stream comes a moment after what was sent on it.
    if (evenIfSevered) channel.lastAt += this.random.float() * LAST_WORD_MS;
    queue.at(channel.lastAt, () => {
      if (!channel.severed || evenIfSevered) act();
    });
  }

  sever(channel: Channel): void {
    channel.severed = true;
    channel.held.length = 0;
  }

  cut(link: Link, way: WayName): void {
    link[way].cuts += 1;
    if (link[way].cuts > 1) return;
    this.#watch(link);
    if (way === 'up') this.#jam(link);
  }

  heal(link: Link, way: WayName): void {
    link[way].cuts = Math.max(0, link[way].cuts - 1);
    if (link[way].cuts > 0) return;
    for (const stream of this.#streams) {
      if (stream.link !== link) continue;
      const channel = stream[way];
      // What waits in a severed channel came after that: only the end of the stream.
      for (const act of channel.held.splice(0)) this.#schedule(channel, act, channel.severed);
      if (way === 'up' && stream.agentOpen) stream.ends.onWritable(true);
    }
  }

  slow(link: Link, way: WayName, extraDelayMs: number): void {
    link[way].extraDelayMs = extraDelayMs;
    if (extraDelayMs > 2_500) this.#watch(link);
  }

  /** Everything works again. */
  healAll(): void {
    for (const link of this.#links.values()) {
      for (const way of ['up', 'down'] as const) {
        while (link[way].cuts > 0) this.heal(link, way);
        link[way].extraDelayMs = 0;
      }
    }
    this.stall.share = 0;
  }

  isOpen(link: Link): boolean {
    return link.up.cuts === 0 && link.down.cuts === 0;
  }

  /** Both ends break the stream, each in its own time; what is under way may arrive before. */
  reset(stream: Stream, controllerLearnsAfterMs: number): void {
    const { queue } = this.#options;
    if (this.random.chance(0.5)) this.sever(stream.down);
    queue.after(this.random.float() * 50, () => stream.endAgent('the connection was reset'));
    queue.after(controllerLearnsAfterMs, () => stream.endController());
  }

  /** The transport's own pings: whoever hears nothing gives the connection up. */
  #watch(link: Link): void {
    if (!this.#options.keepalive) return;
    this.#options.queue.after(10_000 + this.random.float() * 5_000, () => {
      const slow = link.up.extraDelayMs + link.down.extraDelayMs > 5_000;
      if (this.isOpen(link) && !slow) return;
      for (const stream of [...this.#streams]) if (stream.link === link) this.breakByKeepalive(stream);
    });
  }

  breakByKeepalive(stream: Stream): void {
    const { queue } = this.#options;
    if (stream.up.way.cuts > 0) this.sever(stream.up);
    if (stream.down.way.cuts > 0) this.sever(stream.down);
    queue.after(this.random.float() * 2_000, () => stream.endAgent('keepalive timed out'));
    queue.after(this.random.float() * 2_000, () => stream.endController());
  }

  /** A stream that nothing leaves fills up after a while. */
  #jam(link: Link): void {
    if (!this.random.chance(0.5)) return;
    this.#options.queue.after(this.random.float() * 8_000, () => {
      if (link.up.cuts === 0) return;
      for (const stream of this.#streams) {
        if (stream.link === link && stream.agentOpen) stream.ends.onWritable(false);
      }
    });
  }
}
