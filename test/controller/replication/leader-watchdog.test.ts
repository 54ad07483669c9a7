import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { watchOverLeaders } from '../../../controller/replication/leader-watchdog.ts';
import { TcpProxy } from '../../faults/tcp-proxy.ts';
import { LeadersSeen, SILENT } from './leaders-seen.ts';

/** A process with a listener: what the watchdog sees of a controller. */
class Process {
  readonly port: number;
  pings = 0;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor(server: Http2Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('ping', () => {
        this.pings += 1;
      });
    });
    onTestFinished(() => this.die());
  }

  static async start(port = 0): Promise<Process> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    return new Process(server, typeof address === 'object' && address !== null ? address.port : 0);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return [...this.#sessions].filter((session) => !session.destroyed).length;
  }

  /** Breaks what is open, and goes on listening. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  die(): void {
    this.#server.close();
    this.cut();
  }
}

/** A way to a process on which connections can fall silent for ever, as they do for minutes after a cut. */
class Way {
  readonly address: string;
  /** Connections from now on are silent from the start. */
  silent = false;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.address = `127.0.0.1:${port}`;
  }

  static async to(port: number): Promise<Way> {
    const server = createNetServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const way = new Way(typeof address === 'object' && address !== null ? address.port : 0);
    server.on('connection', (near) => {
      way.#keep(near);
      if (way.silent) return;
      const far = connect(port, '127.0.0.1');
      way.#keep(far);
      near.pipe(far).pipe(near);
    });
    onTestFinished(() => {
      server.close();
      for (const socket of way.#sockets) socket.destroy();
    });
    return way;
  }

  /** Nothing comes through any more on the connections that there are. */
  silence(): void {
    for (const socket of this.#sockets) socket.unpipe().resume();
  }

  get connections(): number {
    return [...this.#sockets].filter(({ destroyed }) => !destroyed).length;
  }

  #keep(socket: Socket): void {
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
  }
}

/** Questions in quick succession: silence is counted in them. */
const PING_MS = 10;

function watched({ self = 'me', pingMs = 250 } = {}) {
  const leaders = new LeadersSeen();
  const ended: number[] = [];
  const store = {
    endTerm: async (term: number) => {
      ended.push(term);
      await leaders.store.endTerm(term);
    },
  };
  watchOverLeaders({ store, view: leaders.view, self, log: SILENT, pingMs }, leaders.signal);
  return { leaders, ended };
}

const until = async (look: () => boolean): Promise<void> => {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe('the watch over the leader', () => {
  it('ends the term of a leader whose process is gone', async () => {
    const { leaders, ended } = watched();
    const leader = await Process.start();
    const term = await leaders.lead('c1', leader.address);
    await until(() => leader.connections === 1);
    leader.die();
    await leaders.seen(() => leaders.view.leader === undefined);
    expect(ended).toEqual([term]);
  });

  it('ends no term for an address that never answered: it may be a mistake in a configuration', async () => {
    const { leaders, ended } = watched();
    const gone = await Process.start();
    gone.die();
    await leaders.lead('c1', gone.address);
    // A leader that is seen and watched next shows that the one before had its chance.
    await new Promise((resolve) => setTimeout(resolve, 400));
    const leader = await Process.start();
    await leaders.lead('c2', leader.address);
    await until(() => leader.connections === 1);
    expect(ended).toEqual([]);
  });

  it('doubts a leader whose connection broke, and believes in it when it takes another one', async () => {
    const { leaders, ended } = watched();
    const leader = await Process.start();
    await leaders.lead('c1', leader.address);
    await until(() => leader.connections === 1);
    leader.cut();
    await leaders.seen(() => leaders.view.isDoubted);
    await leaders.seen(() => !leaders.view.isDoubted);
    expect([ended, leader.connections]).toEqual([[], 1]);
  });

  it('doubts a leader that is silent, so that nobody is sent there, and leaves it its term', async () => {
    const { leaders, ended } = watched();
    const leader = await Process.start();
    const target = { host: '127.0.0.1', port: leader.port };
    const proxy = await TcpProxy.listen({ host: '127.0.0.1', port: 0, target });
    onTestFinished(() => proxy.close());
    await leaders.lead('c1', `127.0.0.1:${proxy.port}`);
    await until(() => leader.pings > 0);
    proxy.set('127.0.0.1', { holdToAgent: true, holdToController: true });
    await leaders.seen(() => leaders.view.isDoubted);
    proxy.heal('127.0.0.1');
    await leaders.seen(() => !leaders.view.isDoubted);
    expect(ended).toEqual([]);
  });

  it('leaves a connection that stays silent for another one, and believes in the leader again', async () => {
    const { leaders, ended } = watched({ pingMs: PING_MS });
    const leader = await Process.start();
    const way = await Way.to(leader.port);
    await leaders.lead('c1', way.address);
    await until(() => leader.pings > 0);
    way.silence();
    await leaders.seen(() => leaders.view.isDoubted);
    await leaders.seen(() => !leaders.view.isDoubted);
    expect(ended).toEqual([]);
  });

  it('does not wait for ever for a connection that does not come about', async () => {
    const { leaders, ended } = watched({ pingMs: PING_MS });
    const leader = await Process.start();
    const way = await Way.to(leader.port);
    way.silent = true;
    await leaders.lead('c1', way.address);
    await until(() => way.connections === 1);
    way.silent = false;
    await until(() => leader.pings > 0);
    expect(ended).toEqual([]);
  });

  it('lets go of a leader that was replaced', async () => {
    const { leaders, ended } = watched();
    const [first, second] = [await Process.start(), await Process.start()];
    await leaders.lead('c1', first.address);
    await until(() => first.connections === 1);
    await leaders.lead('c2', second.address);
    await until(() => first.connections === 0 && second.connections === 1);
    first.die();
    expect(ended).toEqual([]);
  });

  it('does not watch itself', async () => {
    const { leaders } = watched({ self: 'c1' });
    const [self, other] = [await Process.start(), await Process.start()];
    await leaders.lead('c1', self.address);
    await leaders.lead('c2', other.address);
    await until(() => other.connections === 1);
    expect(self.connections).toBe(0);
  });
});
