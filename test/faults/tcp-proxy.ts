/**
 * A TCP proxy between agents and controller that can be as bad as a network. Bytes it holds are delivered when it is healed, as TCP
 * itself would after a loss: so late grants arrive too.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyRule {
  /** Each chunk waits this long, in both directions. */
  readonly delayMs: number;
  /** Nothing reaches the agent; its connection stays open. */
  readonly holdToAgent: boolean;
  /** Nothing reaches the controller; its connection stays open. Both held: half-open. */
  readonly holdToController: boolean;
}

const HEALTHY: ProxyRule = { delayMs: 0, holdToAgent: false, holdToController: false };
/** What one direction of a connection may hold; at it, its source is not read any more. */
const LIMIT_BYTES = 1024 * 1024;

interface Chunk {
  readonly dueMs: number;
  readonly bytes: Buffer;
}

/** One direction of a connection. An end or a reset waits behind the bytes, and is held like them. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #isHeld: () => boolean;
  readonly #queue: Chunk[] = [];
  #heldBytes = 0;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, options: { readonly isHeld: () => boolean; readonly delayMs: () => number }) {
    this.#from = from;
    this.#to = to;
    this.#isHeld = options.isHeld;
    from.on('data', (bytes: Buffer) => {
      this.#queue.push({ dueMs: performance.now() + options.delayMs(), bytes });
      this.#heldBytes += bytes.length;
      if (this.#heldBytes >= LIMIT_BYTES) from.pause();
      this.pump();
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#over = true;
      this.pump();
    });
  }

  /** Hands over what is due and not held. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#isHeld()) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#heldBytes -= next.bytes.length;
      if (!this.#to.destroyed) this.#to.write(next.bytes);
    }
    this.#from.resume();
    if (this.#over) this.#to.destroySoon();
  }

  /** Gives up what it holds. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }
}

interface Connection {
  readonly client: string;
  readonly sockets: readonly [agent: Socket, controller: Socket];
  readonly directions: readonly Direction[];
}

export class TcpProxy {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #rules = new Map<string, ProxyRule>();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer({ noDelay: true }, (agent) => this.#join(agent, connect({ ...target, noDelay: true })));
  }

  /** Listens on any free port of `host` when `port` is 0. */
  static async listen(options: {
    readonly host: string;
    readonly port: number;
    readonly target: { readonly host: string; readonly port: number };
  }): Promise<TcpProxy> {
    const proxy = new TcpProxy(options.target);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    proxy.#server.once('error', reject);
    proxy.#server.listen({ host: options.host, port: options.port }, resolve);
    await promise;
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** From now on, for all connections of a client address, those it has too. What is not named is healthy. */
  set(client: string, rule: Partial<ProxyRule>): void {
    this.#rules.set(client, { ...HEALTHY, ...rule });
    for (const one of this.#connections) {
      if (one.client === client) for (const direction of one.directions) direction.pump();
    }
  }

  heal(client: string): void {
    this.set(client, HEALTHY);
  }

  /** RST on both sides of each connection of a client. Returns how many there were. */
  reset(client: string): number {
    const hit = [...this.#connections].filter((one) => one.client === client);
    for (const { sockets } of hit) for (const socket of sockets) socket.resetAndDestroy();
    return hit.length;
  }

  async close(): Promise<void> {
    for (const { sockets, directions } of this.#connections) {
      for (const direction of directions) direction.discard();
      for (const socket of sockets) socket.destroy();
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #join(agent: Socket, controller: Socket): void {
    const client = agent.remoteAddress ?? '';
    const rule = (): ProxyRule => this.#rules.get(client) ?? HEALTHY;
    const delayMs = (): number => rule().delayMs;
    const connection: Connection = {
      client,
      sockets: [agent, controller],
      directions: [
        new Direction(agent, controller, { isHeld: () => rule().holdToController, delayMs }),
        new Direction(controller, agent, { isHeld: () => rule().holdToAgent, delayMs }),
      ],
    };
    this.#connections.add(connection);
    const forget = (): void => {
      if (agent.destroyed && controller.destroyed) this.#connections.delete(connection);
    };
    agent.on('close', forget);
    controller.on('close', forget);
  }
}
