/**
 * Hosts as network namespaces. This process is in one of its own (see main.ts), each host in another. Every address is inside these
 * namespaces.
 */
import { ip, Namespace } from './namespace.ts';

/** Of the controller, in our namespace. */
export const CONTROLLER_ADDRESS = '10.213.0.1';
const FIRST_HOST = 11;

class Host {
  readonly address: string;
  readonly link: string;
  readonly #namespace = new Namespace();

  constructor(name: string, number: number) {
    this.address = `10.213.0.${FIRST_HOST + number}`;
    this.link = `host-${name}`;
  }

  get enter(): readonly string[] {
    return this.#namespace.enter;
  }

  async connect(): Promise<void> {
    await this.#namespace.ready();
    ip(`link add ${this.link} type veth peer name eth0 netns ${this.#namespace.pid}`);
    this.inside(`address add ${this.address}/32 dev eth0`);
    this.inside('link set eth0 up');
    this.inside(`route add ${CONTROLLER_ADDRESS}/32 dev eth0`);
    this.plug();
  }

  inside(line: string): void {
    this.#namespace.ip(line);
  }

  plug(): void {
    ip(`link set ${this.link} up`);
    ip(`route replace ${this.address}/32 dev ${this.link}`);
  }

  close(): void {
    this.#namespace.close();
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
    ip(`address replace ${CONTROLLER_ADDRESS}/32 dev lo`);
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
