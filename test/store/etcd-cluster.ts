/** A real etcd cluster on loopback, or on hosts that a test made, whose members can be killed, hung and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEtcd } from '../../cli/dev/etcd-binary.ts';
import { freePorts } from '../../cli/dev/ports.ts';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { encode } from '../../controller/store/etcd/keys.ts';
import { present } from '../../shared/assert.ts';
import { KV } from '../../shared/gen/etcdserverpb/rpc_pb.ts';

/** Why there can be no cluster here; undefined when there can. */
export function etcdMissing(): string | undefined {
  return findEtcd() === undefined ? 'no etcd on PATH or built; `node scripts/etcd-tool.ts` provides one' : undefined;
}

/** Where a member runs, when not on loopback. */
export interface EtcdHost {
  /** Program and arguments that start what follows there. */
  readonly enter: readonly string[];
  /** Its address for clients. */
  readonly clients: string;
  /** Its address for the other members. */
  readonly peers: string;
}

const LOOPBACK: EtcdHost = { enter: [], clients: '127.0.0.1', peers: '127.0.0.1' };

export interface ClusterOptions {
  /** Default 3. */
  readonly members?: number;
  /** One for each member. Default: all on loopback. */
  readonly hosts?: readonly EtcdHost[];
  /** More arguments for each member. */
  readonly args?: readonly string[];
  /** Default `http`. */
  readonly clientScheme?: 'http' | 'https';
}

export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #folder: string;

  private constructor(folder: string, members: readonly EtcdMember[]) {
    this.#folder = folder;
    this.members = members;
  }

  /** Starts the members and waits until they serve. Stop it in the end. */
  static async start(options: ClusterOptions = {}): Promise<EtcdCluster> {
    const cluster = await EtcdCluster.launch(options);
    try {
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** As `start`, without waiting: for members that ask for more than a plain client has. */
  static async launch(options: ClusterOptions): Promise<EtcdCluster> {
    const { members = 3, hosts = [], args = [], clientScheme = 'http' } = options;
    const folder = mkdtempSync(join(tmpdir(), 'locum-etcd-'));
    const ports = await freePorts(2 * members);
    const port = (i: number): number => present(ports[i], 'a free port');
    const host = (i: number): EtcdHost => hosts[i] ?? LOOPBACK;
    const peers = Array.from({ length: members }, (_, i) => `m${i}=http://${host(i).peers}:${port(members + i)}`);
    const common = ['--initial-cluster', peers.join(','), '--initial-cluster-token', folder, ...args];
    // Faster than the defaults, so that an election takes half a second.
    common.push('--heartbeat-interval', '50', '--election-timeout', '500', '--logger', 'zap', '--log-level', 'error');
    const started = peers.map((peer, i) => {
      const own = ['--name', `m${i}`, '--data-dir', join(folder, `m${i}`)];
      const peerUrl = peer.slice(peer.indexOf('=') + 1);
      own.push('--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl);
      const { clients, enter } = host(i);
      const clientUrl = `${clientScheme}://${clients}:${port(i)}`;
      own.push('--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl);
      return new EtcdMember(`${clients}:${port(i)}`, [...own, ...common], enter);
    });
    for (const member of started) member.start();
    return new EtcdCluster(folder, started);
  }

  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** Waits until a read is answered, through any member. */
  ready(): Promise<void> {
    return answered(this.endpoints);
  }

  /** Waits until each member answers a read. */
  async allReady(): Promise<void> {
    await Promise.all(this.endpoints.map((endpoint) => answered([endpoint])));
  }

  /** Copies what all members have on disk; they are killed for it and started again. For `setBack`, as often as wanted. */
  async backUp(): Promise<string> {
    const copy = `${this.#folder}-copy`;
    await this.#whileDown(() => cpSync(this.#folder, copy, { recursive: true }));
    return copy;
  }

  /** Puts a copy in the place of what all members have on disk, as whoever restores a backup beneath them. */
  async setBack(copy: string): Promise<void> {
    await this.#whileDown(() => {
      rmSync(this.#folder, { recursive: true });
      cpSync(copy, this.#folder, { recursive: true });
    });
  }

  /** As when every disk was replaced. */
  async wipe(): Promise<void> {
    await this.#whileDown(() => rmSync(this.#folder, { recursive: true }));
  }

  async #whileDown(change: () => void): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    change();
    for (const member of this.members) member.start();
    await this.allReady();
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    for (const folder of [this.#folder, `${this.#folder}-copy`]) rmSync(folder, { recursive: true, force: true });
  }
}

async function answered(endpoints: readonly string[]): Promise<void> {
  const client = new EtcdClient(endpoints, {});
  try {
    await client.read(KV.method.range, { key: encode('any') }, { withinMs: 20_000 });
  } finally {
    client.close();
  }
}

export class EtcdMember {
  readonly endpoint: string;
  readonly #args: readonly string[];
  readonly #enter: readonly string[];
  #process: ChildProcess | undefined;

  constructor(endpoint: string, args: readonly string[], enter: readonly string[] = []) {
    this.endpoint = endpoint;
    this.#args = args;
    this.#enter = enter;
  }

  start(): void {
    const { path } = present(findEtcd(), 'etcd');
    // What enters a namespace becomes the program: signals to it reach etcd.
    const [program = path, ...args] = [...this.#enter, path, ...this.#args];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'] });
    this.#process = child;
    // A test run that dies must leave no members behind.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
  }

  /** As kill -9 does; also when it is hung. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Hangs the process: its sockets stay open and say nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }
}
