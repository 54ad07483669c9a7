/**
 * Three hosts for members of etcd. Each has two cables: one to us, for clients, and one to a switch, for the other members; so members
 * can lose each other while clients reach them all. The switch has a namespace of its own, where no firewall of ours looks into it.
 */
import { ip, Namespace } from '../faults/namespace.ts';
import type { EtcdHost } from '../store/etcd-cluster.ts';

const MEMBERS = 3;
/** Only seen by the members, so it may be the same in every run. */
const peerAddress = (number: number): string => `10.215.0.${number + 11}`;

/**
 * These are in our own namespace, beside those of other runs, so they go by our process id: four addresses of 10.214.0.0/16, each
 * routed by itself, the first one ours.
 */
function clientAddress(number: number): string {
  const offset = (process.pid % 2 ** 14) * 4 + number;
  return `10.214.${Math.floor(offset / 256)}.${offset % 256}`;
}
const OURS = clientAddress(0);

export class MemberNetwork {
  readonly #switch = new Namespace();
  readonly #members = Array.from({ length: MEMBERS }, () => new Namespace());

  /** In our own namespace. */
  readonly #links: string[] = [];

  private constructor() {}

  static async open(): Promise<MemberNetwork> {
    const network = new MemberNetwork();
    try {
      await network.#connect();
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  get hosts(): EtcdHost[] {
    return this.#members.map(({ enter }, i) => ({ enter, clients: clientAddress(i + 1), peers: peerAddress(i) }));
  }

  /** No other member reaches this one, nor the other way round; clients do. */
  cut(member: number): void {
    this.#switch.ip(`link set port${member} down`);
  }

  heal(member: number): void {
    this.#switch.ip(`link set port${member} up`);
  }

  /**
   * However we end, links go with the namespace at their other end. But the kernel keeps that for minutes while connections wait in
   * it for an answer, so here links go at once.
   */
  close(): void {
    for (const link of this.#links.splice(0)) ip(`link delete ${link}`);
    for (const namespace of [this.#switch, ...this.#members]) namespace.close();
  }

  async #connect(): Promise<void> {
    await this.#switch.ready();
    // Without a delay a port forwards as soon as it is up again.
    this.#switch.ip('link add switch type bridge forward_delay 0');
    this.#switch.ip('link set switch up');
    for (const [i, member] of this.#members.entries()) {
      await member.ready();
      const [link, theirs] = [`etcd${process.pid}-${i}`, clientAddress(i + 1)];
      ip(`link add ${link} type veth peer name clients netns ${member.pid}`);
      this.#links.push(link);
      ip(`address add ${OURS} peer ${theirs}/32 dev ${link}`);
      ip(`link set ${link} up`);
      member.ip(`address add ${theirs} peer ${OURS}/32 dev clients`);
      member.ip('link set clients up');
      this.#switch.ip(`link add port${i} type veth peer name peers netns ${member.pid}`);
      this.#switch.ip(`link set port${i} master switch up`);
      member.ip(`address add ${peerAddress(i)}/24 dev peers`);
      member.ip('link set peers up');
    }
  }
}
