/** Hosts that have run out of something that is counted: descriptors, processes, memory. */
import { spawn } from 'node:child_process';
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
const GREEDY = 'echo $$ > "$1"; exec tail /dev/zero';
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

/** Hosts on which somebody is greedy. */
const greedy = new WeakSet<SickHost>();

/** One after the other, as if a leaking program were restarted again and again: each brings the kernel's OOM killer to the host. */
function startGreedy(host: SickHost): void {
  if (!greedy.has(host)) return;
  const child = spawn('sh', ['-c', GREEDY, 'greedy', host.group('memory').membersFile], { stdio: 'ignore' });
  child.once('exit', () => setTimeout(() => startGreedy(host), GREEDY_AGAIN_MS));
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
    name: 'no memory: the OOM killer, again and again',
    obstacle: () => groupObstacle('memory'),
    groups: ['memory'],
    toll: 'none',
    refusesStarts: false,
    inflict: (host) => {
      host.group('memory').limitMemory(host.group('memory').memoryBytes + LEFT_MEMORY);
      greedy.add(host);
      startGreedy(host);
    },
    lift: (host) => {
      greedy.delete(host);
      host.group('memory').limitMemory('max');
    },
  },
];
