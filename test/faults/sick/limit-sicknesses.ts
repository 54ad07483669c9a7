/** Hosts that have run out of something that is counted: descriptors, processes, memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processesOf } from '../../../cli/dev/host-processes.ts';
import { exhaustDescriptors, freeDescriptors } from './descriptors.ts';
import { groupObstacle } from './resource-group.ts';
import type { SickHost } from './sick-host.ts';
import type { Sickness } from './sickness.ts';

const MEBIBYTE = 1024 * 1024;
/** Room for somebody greedy, and less than either of our processes has. */
const LEFT_MEMORY = 48 * MEBIBYTE;
/** More than that it does not get, should the group's limit fail. */
const GREEDY = `ulimit -v ${1024 * 1024}; echo $$ > "$1"; exec tail /dev/zero`;
const GREEDY_AGAIN_MS = 1_000;

function descriptors(whose: string, pids: (host: SickHost) => readonly (number | undefined)[]): Sickness {
  return {
    name: `no descriptors: ${whose}`,
    toll: 'none',
    refusesStarts: whose !== 'agent',
    inflict: (host) => exhaustDescriptors(pids(host)),
    lift: freeDescriptors,
  };
}

const CAP_SYS_RESOURCE = 24n;

/** Whether agent and keeper can ask the kernel to take others first: not even root always can. */
function canBeProtected(): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << CAP_SYS_RESOURCE)) !== 0n;
}

/** Who is greedy on a host, until that is over. */
const greedy = new Map<SickHost, ChildProcess>();

/** One after the other, as if a leaking program were restarted again and again: each brings the kernel's OOM killer to the host. */
function startGreedy(host: SickHost): void {
  const argv = ['-c', GREEDY, 'greedy', host.group('memory').membersFile];
  const child = spawn('sh', argv, { stdio: 'ignore', env: host.mark });
  greedy.set(host, child);
  const again = (): void => {
    if (greedy.get(host) === child) startGreedy(host);
  };
  child.once('exit', () => setTimeout(again, GREEDY_AGAIN_MS));
}

/** Before the limit is lifted: without one it would take the memory of the whole machine. */
async function endGreedy(host: SickHost): Promise<void> {
  const child = greedy.get(host);
  greedy.delete(host);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The group that the keeper makes those of its attempts in: above that of any of its policies. */
function groupsOfAttempts(host: SickHost): string {
  const mount = / (\/\S+) \S+ .*- cgroup2 /.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
  for (const { pid } of processesOf(host.stateDir)) {
    const group = /^0::(.*\/locum-[0-9a-f]{16})\//m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
    if (group !== undefined) return join(mount, group, 'cgroup.max.descendants');
  }
  throw new Error(`${host.name} has no cgroups`);
}

export const LIMIT_SICKNESSES: readonly Sickness[] = [
  descriptors('keeper', (host) => host.keeperPids()),
  descriptors('agent', (host) => [host.agentPid]),
  descriptors('agent and keeper', (host) => [host.agentPid, ...host.keeperPids()]),
  {
    name: 'no processes (pids.max)',
    obstacle: () => groupObstacle('pids'),
    groups: ['pids'],
    toll: 'none',
    refusesStarts: true,
    inflict: (host) => host.group('pids').limitProcesses(host.group('pids').processCount),
    lift: (host) => host.group('pids').limitProcesses('max'),
  },
  {
    name: 'no cgroups (cgroup.max.descendants)',
    toll: 'none',
    refusesStarts: true,
    inflict: (host) => writeFileSync(groupsOfAttempts(host), '0'),
    lift: (host) => writeFileSync(groupsOfAttempts(host), 'max'),
  },
  {
    ...(canBeProtected()
      ? { name: 'no memory: the OOM killer, again and again', toll: 'none' }
      : {
          name: 'no memory: the OOM killer, which takes us too (no CAP_SYS_RESOURCE)',
          toll: 'keeper',
          agentEnds: true,
        }),
    obstacle: () => groupObstacle('memory'),
    groups: ['memory'],
    refusesStarts: false,
    inflict: (host) => {
      host.group('memory').limitMemory(host.group('memory').memoryBytes + LEFT_MEMORY);
      startGreedy(host);
    },
    lift: async (host) => {
      await endGreedy(host);
      host.group('memory').limitMemory('max');
    },
  },
];
