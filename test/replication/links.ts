/**
 * The wires of a replicated cluster that a test may cut: from each controller to each member of etcd, and from all agents to each
 * controller. What controllers say to each other goes direct, unless a test wants to cut that too: a dead process must refuse
 * connections, and a proxy in front of it takes them.
 */
import { TcpProxy } from '../faults/tcp-proxy.ts';

const HOST = '127.0.0.1';

/** Silent in both directions, or in one. */
export type Cut = 'both' | 'toController' | 'fromController';

export class Links {
  readonly #toEtcd = new Map<string, readonly TcpProxy[]>();
  readonly #toAgents = new Map<string, TcpProxy>();
  readonly #toPeers = new Map<string, TcpProxy>();

  /** Without `apiPort` the other controllers come direct. */
  async open(
    controller: string,
    {
      etcd,
      agentPort,
      apiPort,
    }: { readonly etcd: readonly string[]; readonly agentPort: number; readonly apiPort?: number },
  ) {
    this.#toEtcd.set(
      controller,
      await Promise.all(etcd.map((endpoint) => proxyTo(portOf(endpoint), hostOf(endpoint)))),
    );
    this.#toAgents.set(controller, await proxyTo(agentPort));
    if (apiPort !== undefined) this.#toPeers.set(controller, await proxyTo(apiPort));
  }

  /** What a controller dials for etcd. */
  etcdOf(controller: string): string[] {
    return (this.#toEtcd.get(controller) ?? []).map(({ port }) => `${HOST}:${port}`);
  }

  /** What agents dial for a controller. */
  agentAddressOf(controller: string): string {
    return `${HOST}:${this.#toAgents.get(controller)?.port ?? 0}`;
  }

  /** What other controllers dial for this one; undefined: its own address. */
  peerAddressOf(controller: string): string | undefined {
    const proxy = this.#toPeers.get(controller);
    return proxy === undefined ? undefined : `${HOST}:${proxy.port}`;
  }

  /** Connections stay open; what is said waits until they are healed. */
  cutEtcd(controller: string, cut: Cut = 'both'): void {
    // The controller is the client of etcd, and the server of its agents.
    const rule = { holdToAgent: cut !== 'fromController', holdToController: cut !== 'toController' };
    for (const proxy of this.#toEtcd.get(controller) ?? []) proxy.set(HOST, rule);
  }

  cutAgents(controller: string, cut: Cut = 'both'): void {
    const rule = { holdToAgent: cut !== 'toController', holdToController: cut !== 'fromController' };
    this.#toAgents.get(controller)?.set(HOST, rule);
  }

  /** The other controllers from this one. Callers that are none of them still come direct. */
  cutPeers(controller: string): void {
    this.#toPeers.get(controller)?.set(HOST, { holdToAgent: true, holdToController: true });
  }

  heal(controller: string): void {
    for (const proxy of this.#toEtcd.get(controller) ?? []) proxy.heal(HOST);
    this.#toAgents.get(controller)?.heal(HOST);
    this.#toPeers.get(controller)?.heal(HOST);
  }

  async close(): Promise<void> {
    const all = [...[...this.#toEtcd.values()].flat(), ...this.#toAgents.values(), ...this.#toPeers.values()];
    await Promise.all(all.map((proxy) => proxy.close()));
  }
}

const proxyTo = (port: number, host = HOST): Promise<TcpProxy> =>
  TcpProxy.listen({ host: HOST, port: 0, target: { host, port } });

const hostOf = (endpoint: string): string => endpoint.slice(0, endpoint.lastIndexOf(':'));
const portOf = (endpoint: string): number => Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
