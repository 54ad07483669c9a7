/**
 * What can happen to a replicated cluster. A fault answers with whom to ask meanwhile, and with how it is healed, which is done while
 * the next leader is at work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../shared/assert.ts';
import type { Prng } from '../../shared/prng.ts';
import type { Cut } from './links.ts';
import type { ReplicatedCluster } from './replicated-cluster.ts';

export interface Happened {
  /** A controller that it did not hit. */
  readonly ask: string;
  /** Makes good what is still broken. Resolves when that is done; the cluster may take longer to be whole again. */
  readonly heal: () => Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** How often it is in the pack of a round. */
  readonly times: number;
  /** The next leader is another one. */
  readonly losesLeader: boolean;
  readonly happen: (cluster: ReplicatedCluster, prng: Prng) => Promise<Happened>;
}

const nothing = async (): Promise<void> => {};

interface Roles {
  readonly leader: string;
  /** In any order. */
  readonly followers: readonly [string, string];
}

async function roles(cluster: ReplicatedCluster, prng: Prng): Promise<Roles> {
  const { id: leader } = await cluster.leader();
  const [first, second] = prng.shuffle(cluster.controllers.filter((other) => other !== leader));
  return { leader, followers: [present(first, 'a follower'), present(second, 'a second follower')] };
}

const memberOf = (cluster: ReplicatedCluster, prng: Prng) => present(prng.pick(cluster.etcd.members), 'a member');

/** As a supervisor does, only later: what is measured meanwhile has the machine for itself. */
function end(cluster: ReplicatedCluster, id: string, signal: 'SIGKILL' | 'SIGTERM'): () => Promise<void> {
  cluster.controller(id).signal(signal);
  return async () => {
    await cluster.controller(id).exited;
    cluster.startController(id);
  };
}

function freeze(cluster: ReplicatedCluster, id: string): () => Promise<void> {
  cluster.controller(id).signal('SIGSTOP');
  return async () => cluster.controller(id).signal('SIGCONT');
}

function toLeader(
  name: string,
  times: number,
  lose: (cluster: ReplicatedCluster, leader: string) => () => Promise<void>,
): Fault {
  return {
    name,
    times,
    losesLeader: true,
    happen: async (cluster, prng) => {
      const { leader, followers } = await roles(cluster, prng);
      return { ask: followers[0], heal: lose(cluster, leader) };
    },
  };
}

function toFollower(name: string, lose: (cluster: ReplicatedCluster, follower: string) => () => Promise<void>): Fault {
  return {
    name,
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      const { followers } = await roles(cluster, prng);
      return { ask: followers[1], heal: lose(cluster, followers[0]) };
    },
  };
}

function healing(cluster: ReplicatedCluster, id: string): () => Promise<void> {
  return async () => cluster.links.heal(id);
}

/** Shorter than what it takes from the last grant to the end of a lease: nothing may stop. */
const AGENTS_CUT_MS = 3_000;

export const FAULTS: readonly Fault[] = [
  toLeader('leader killed (kill -9)', 3, (cluster, id) => end(cluster, id, 'SIGKILL')),
  toLeader('leader ended (SIGTERM)', 1, (cluster, id) => end(cluster, id, 'SIGTERM')),
  toLeader('leader silent (SIGSTOP)', 1, freeze),
  toLeader('leader cut off from etcd', 1, (cluster, id) => {
    cluster.links.cutEtcd(id);
    return healing(cluster, id);
  }),
  toLeader('leader cut off from etcd and agents', 1, (cluster, id) => {
    cluster.links.cutEtcd(id);
    cluster.links.cutAgents(id);
    return healing(cluster, id);
  }),
  {
    name: 'leader cut off from agents for 3 s',
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      const { leader, followers } = await roles(cluster, prng);
      const cuts: readonly Cut[] = ['both', 'toController', 'fromController'];
      cluster.links.cutAgents(leader, present(prng.pick(cuts), 'a cut'));
      await sleep(AGENTS_CUT_MS);
      cluster.links.heal(leader);
      return { ask: followers[0], heal: nothing };
    },
  },
  {
    name: 'leader and a member killed',
    times: 1,
    losesLeader: true,
    happen: async (cluster, prng) => {
      const { leader, followers } = await roles(cluster, prng);
      const member = memberOf(cluster, prng);
      const restart = end(cluster, leader, 'SIGKILL');
      await member.kill();
      return {
        ask: followers[0],
        heal: async () => {
          member.start();
          await restart();
        },
      };
    },
  },
  toFollower('follower killed (kill -9)', (cluster, id) => end(cluster, id, 'SIGKILL')),
  toFollower('follower silent (SIGSTOP)', freeze),
  toFollower('follower cut off from etcd', (cluster, id) => {
    cluster.links.cutEtcd(id);
    return healing(cluster, id);
  }),
  {
    name: 'member killed (kill -9)',
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      const member = memberOf(cluster, prng);
      await member.kill();
      return { ask: (await roles(cluster, prng)).leader, heal: async () => member.start() };
    },
  },
  {
    name: 'member silent (SIGSTOP)',
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      const member = memberOf(cluster, prng);
      member.pause();
      await sleep(1_500);
      return { ask: (await roles(cluster, prng)).leader, heal: async () => member.resume() };
    },
  },
  {
    name: 'rolling restart of the controllers',
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      const { leader, followers } = await roles(cluster, prng);
      // Followers first, as the documentation says.
      for (const id of [...followers, leader]) {
        await end(cluster, id, 'SIGTERM')();
        await cluster.allControllers();
      }
      return { ask: followers[0], heal: nothing };
    },
  },
  {
    name: 'rolling restart of the members of etcd',
    times: 1,
    losesLeader: false,
    happen: async (cluster, prng) => {
      for (const member of prng.shuffle(cluster.etcd.members)) {
        await member.kill();
        member.start();
        await cluster.etcd.allReady();
      }
      return { ask: (await roles(cluster, prng)).leader, heal: nothing };
    },
  },
];

/** Each fault as often as it is in the pack, shuffled. */
export function shuffledPack(prng: Prng): readonly Fault[] {
  return prng.shuffle(FAULTS.flatMap((fault) => Array.from({ length: fault.times }, () => fault)));
}
