/**
 * Hosts as network namespaces. This process is in one of its own (see main.ts), each host in another, held open by a process that
 * ends with us: so nothing of it is left, however we end. Every address is inside these namespaces.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of the controller, in our namespace. */
export const CONTROLLER_ADDRESS = '10.213.0.1';
const FIRST_HOST = 11;

/** Why namespaces can't be made here; undefined when they can. */
export function networkObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe = 'ip link set lo up && ip link add probe-a type veth peer name probe-b && nsenter --version';
  const { status, stderr, error } = spawnSync('unshare', ['--net', 'sh', '-c', probe], { encoding: 'utf8' });
  if (error !== undefined) return `no unshare: ${error.message}`;
  return status === 0 ? undefined : `no network namespaces (unshare, iproute2, veth): ${stderr.trim()}`;
}

function command(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

const ip = (line: string): void => command('ip', ...line.split(' '));

class Host {
  readonly address: string;
  readonly link: string;
  readonly #holder: ChildProcess;

  constructor(name: string, number: number) {
    this.address = `10.213.0.${FIRST_HOST + number}`;
    this.link = `host-${name}`;
    // It reads from us until we end.
    this.#holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  }

  get enter(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`, '--'];
  }

  async connect(): Promise<void> {
    await this.#ready();
    ip(`link add ${this.link} type veth peer name eth0 netns ${this.#holder.pid}`);
    this.inside('link set lo up');
    this.inside(`address add ${this.address}/32 dev eth0`);
    this.inside('link set eth0 up');
    this.inside(`route add ${CONTROLLER_ADDRESS}/32 dev eth0`);
    this.plug();
  }

  inside(line: string): void {
    const [program = '', ...args] = [...this.enter, 'ip', ...line.split(' ')];
    command(program, ...args);
  }

  plug(): void {
    ip(`link set ${this.link} up`);
    ip(`route replace ${this.address}/32 dev ${this.link}`);
  }

  close(): void {
    this.#holder.stdin?.end();
  }

  async #ready(): Promise<void> {
    // Its namespace is another one only after `unshare` got that far.
    for (let tries = 0; tries < 1_000; tries += 1) {
      const words = readFileSync(`/proc/${this.#holder.pid}/cmdline`, 'utf8');
      if (words.startsWith('cat')) return;
      await sleep(10);
    }
    throw new Error('no namespace for a host');
  }
}

export class HostNetwork {
  readonly #hosts: ReadonlyMap<string, Host>;

  private constructor(names: readonly string[]) {
    this.#hosts = new Map(names.map((name, number) => [name, new Host(name, number)]));
  }

  static async open(names: readonly string[]): Promise<HostNetwork> {
    const network = new HostNetwork(names);
    ip('link set lo up');
    ip(`address add ${CONTROLLER_ADDRESS}/32 dev lo`);
    for (const host of network.#hosts.values()) await host.connect();
    return network;
  }

  addressOf(name: string): string {
    return this.#host(name).address;
  }

  /** Program and arguments that start what follows on a host. */
  enter(name: string): readonly string[] {
    return this.#host(name).enter;
  }

  /** As when the cable is pulled. */
  cut(name: string): void {
    ip(`link set ${this.#host(name).link} down`);
  }

  /** What the controller sends does not arrive; what the host sends does. */
  cutToHost(name: string): void {
    ip(`route replace blackhole ${this.#host(name).address}/32`);
  }

  /** What the host sends does not arrive; what the controller sends does. */
  cutFromHost(name: string): void {
    this.#host(name).inside(`route replace blackhole ${CONTROLLER_ADDRESS}/32`);
  }

  heal(name: string): void {
    const host = this.#host(name);
    host.plug();
    host.inside(`route replace ${CONTROLLER_ADDRESS}/32 dev eth0`);
  }

  close(): void {
    for (const host of this.#hosts.values()) host.close();
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }
}
