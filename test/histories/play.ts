/** Plays histories: some clients on a real cluster, and something that is lost meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../shared/assert.ts';
import type { Prng } from '../../shared/prng.ts';
import { FAULTS, type Fault } from '../replication/faults.ts';
import { type Api, ReplicatedCluster } from '../replication/replicated-cluster.ts';
import { HistoryClient } from './client.ts';
import type { History } from './history.ts';

const CLIENTS = 5;
/** Few, so that the clients get into each other's way. */
const POLICIES = 3;
/** The clients work this long before the fault, with it, and after it. */
const SPELL_MS = { before: 300, fault: 1_200, after: 700 } as const;

const ONE: readonly Fault[] = (['SIGKILL', 'SIGSTOP'] as const).map((signal) => ({
  name: `the only controller: ${signal}`,
  times: 1,
  losesLeader: false,
  happen: async (cluster) => {
    cluster.controller('c1').signal(signal);
    const heal = async (): Promise<void> => {
      if (signal === 'SIGSTOP') return cluster.controller('c1').signal('SIGCONT');
      await cluster.controller('c1').exited;
      cluster.startController('c1', cluster.soloStore);
    };
    return { ask: 'c1', heal };
  },
}));

/** A cluster on which histories are played one after the other. */
export class HistoryStage {
  readonly store: 'etcd' | 'sqlite';
  readonly #cluster: ReplicatedCluster;
  readonly #faults: readonly Fault[];
  /** One for each client: through all controllers, each beginning with another one. */
  readonly #apis: readonly Api[];
  #played = 0;

  private constructor(store: 'etcd' | 'sqlite', cluster: ReplicatedCluster) {
    this.store = store;
    this.#cluster = cluster;
    this.#faults = store === 'etcd' ? FAULTS : ONE;
    const { controllers } = cluster;
    this.#apis = Array.from({ length: CLIENTS }, (_, i) => {
      const first = i % controllers.length;
      return cluster.apiVia([...controllers.slice(first), ...controllers.slice(0, first)]);
    });
  }

  /** `etcd`: three controllers on three members. `sqlite`: one controller. */
  static async open(store: 'etcd' | 'sqlite'): Promise<HistoryStage> {
    const cluster = await (store === 'etcd'
      ? ReplicatedCluster.start(['c1', 'c2', 'c3'])
      : ReplicatedCluster.start(['c1'], { solo: true }));
    return new HistoryStage(store, cluster);
  }

  /** One history on policies of its own. The cluster is whole again when it ends. */
  async play(prng: Prng): Promise<History & { readonly fault: string }> {
    this.#played += 1;
    const policies = Array.from({ length: POLICIES }, (_, i) => `h${this.#played}-p${i}`);
    const stop = new AbortController();
    const clients = this.#apis.map((api, number) => {
      return new HistoryClient({ number, api, policies, prng: prng.fork(), signal: stop.signal });
    });
    const work = Promise.all(clients.map((client) => client.work()));
    const fault = present(prng.pick(this.#faults), 'a fault');
    await sleep(prng.int(0, SPELL_MS.before));
    const { heal } = await fault.happen(this.#cluster, prng);
    await sleep(prng.int(0, SPELL_MS.fault));
    await heal();
    await sleep(SPELL_MS.after);
    stop.abort();
    await work;
    await this.#cluster.allControllers();
    const operations = clients.flatMap((client) => client.operations);
    return { fault: fault.name, operations, oddities: clients.flatMap((client) => client.oddities) };
  }

  close(): Promise<void> {
    return this.#cluster.stop();
  }
}
