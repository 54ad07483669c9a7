/** Our own processes killed as the OOM killer does it, stopped, hung, or without anywhere to log to. */
import { readdirSync, readFileSync } from 'node:fs';
import { exhaustDescriptors, freeDescriptors } from './descriptors.ts';
import { groupObstacle } from './resource-group.ts';
import type { SickHost } from './sick-host.ts';
import type { Sickness } from './sickness.ts';

const CRASH_EVERY_MS = 2_000;

/** Threads that do a process's file work, while its loop answers. */
function poolThreads(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.filter((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith('libuv-worker'),
  );
}

const crashes = new WeakMap<SickHost, NodeJS.Timeout>();

function crashAgainAndAgain(host: SickHost): void {
  const crash = (): void => host.kill([host.agentPid]);
  crash();
  crashes.set(host, setInterval(crash, CRASH_EVERY_MS));
}

export const PROCESS_SICKNESSES: readonly Sickness[] = [
  {
    name: 'keeper killed',
    toll: 'keeper',
    refusesStarts: false,
    inflict: (host) => host.kill(host.keeperPids()),
  },
  {
    name: 'agent killed',
    agentEnds: true,
    toll: 'none',
    refusesStarts: false,
    inflict: (host) => host.kill([host.agentPid]),
  },
  {
    name: 'agent and keeper killed at once',
    agentEnds: true,
    toll: 'keeper',
    refusesStarts: false,
    inflict: (host) => host.kill([host.agentPid, ...host.keeperPids()]),
  },
  {
    name: 'agent killed every two seconds',
    agentEnds: true,
    toll: 'lease',
    refusesStarts: false,
    inflict: crashAgainAndAgain,
    lift: (host) => clearInterval(crashes.get(host)),
  },
  {
    name: 'keeper stopped (SIGSTOP)',
    toll: 'keeper',
    refusesStarts: false,
    inflict: (host) => host.kill(host.keeperPids(), 'SIGSTOP'),
    lift: (host) => host.kill(host.keeperPids(), 'SIGCONT'),
  },
  {
    name: 'agent without descriptors, keeper stopped',
    toll: 'keeper',
    refusesStarts: false,
    inflict: async (host) => {
      await exhaustDescriptors([host.agentPid]);
      host.kill(host.keeperPids(), 'SIGSTOP');
    },
    lift: async (host) => {
      await freeDescriptors(host);
      host.kill(host.keeperPids(), 'SIGCONT');
    },
  },
  {
    name: "keeper's file threads hang (v1 freezer), its loop runs",
    obstacle: () => groupObstacle('freezer'),
    groups: ['freezer'],
    toll: 'keeper',
    refusesStarts: false,
    // What is frozen can't even be killed.
    startsMayHang: true,
    inflict: (host) => {
      const group = host.group('freezer');
      for (const pid of host.keeperPids()) for (const thread of poolThreads(pid)) group.addThread(thread);
      group.freeze(host.guard);
    },
    lift: (host) => host.group('freezer').thaw(),
  },
  {
    name: 'log full: nobody reads it',
    toll: 'none',
    refusesStarts: false,
    inflict: (host) => host.log.stall(),
    lift: (host) => host.log.goOn(),
  },
  {
    name: 'log gone: a closed pipe',
    toll: 'none',
    refusesStarts: false,
    inflict: (host) => host.log.breakOff(),
    lift: (host) => host.log.mend(),
  },
];
