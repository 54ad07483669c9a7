/** What can happen to a replicated cluster. Each answers with how to heal it, which is done while the next leader is at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../shared/assert.ts';
import type { Prng } from '../../shared/prng.ts';
import type { ReplicatedCluster } from './replicated-cluster.ts';

type Heal = () => Promise<void>;
type Fault = (cluster: ReplicatedCluster, prng: Prng) => Promise<Heal>;

export const FAULT_NAMES = [
  'leader killed',
  'leader stopped',
  'leader frozen',
  'follower killed',
  'member killed',
  'member hung',
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

const nothing: Heal = async () => {};

async function endController(cluster: ReplicatedCluster, id: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<Heal> {
  cluster.controller(id).signal(signal);
  return async () => {
    await cluster.controller(id).exited;
    cluster.startController(id);
  };
}

const memberOf = (cluster: ReplicatedCluster, prng: Prng) =>
  present(cluster.etcd.members[prng.int(0, cluster.etcd.members.length - 1)], 'a member');

export const faults: Readonly<Record<FaultName, Fault>> = {
  'leader killed': async (cluster) => endController(cluster, (await cluster.leader()).id, 'SIGKILL'),
  'leader stopped': async (cluster) => endController(cluster, (await cluster.leader()).id, 'SIGTERM'),
  'leader frozen': async (cluster) => {
    const { id } = await cluster.leader();
    cluster.controller(id).signal('SIGSTOP');
    return async () => cluster.controller(id).signal('SIGCONT');
  },
  'follower killed': async (cluster, prng) => {
    const { id } = await cluster.leader();
    const followers = cluster.controllers.filter((other) => other !== id);
    return endController(cluster, present(followers[prng.int(0, followers.length - 1)], 'a follower'), 'SIGKILL');
  },
  'member killed': async (cluster, prng) => {
    const member = memberOf(cluster, prng);
    await member.kill();
    await sleep(500);
    member.start();
    return nothing;
  },
  'member hung': async (cluster, prng) => {
    const member = memberOf(cluster, prng);
    member.pause();
    await sleep(1_500);
    return async () => member.resume();
  },
};
