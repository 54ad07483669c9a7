/** Disks that stall, fill, turn read-only or fail under a state directory. */
import { existsSync, readFileSync } from 'node:fs';
import type { Sickness } from './sickness.ts';

function loopObstacle(): string | undefined {
  if (!existsSync('/dev/loop-control')) return 'no loop devices';
  return knows('ext4') ? undefined : 'this kernel has no ext4';
}

export function fuseObstacle(): string | undefined {
  return existsSync('/dev/fuse') && knows('fuse') ? undefined : 'this kernel has no FUSE';
}

const knows = (fileSystem: string): boolean =>
  readFileSync('/proc/filesystems', 'utf8').split(/\s+/).includes(fileSystem);

function fuse(name: string, answer: string): Sickness {
  return {
    name,
    obstacle: fuseObstacle,
    disk: 'fuse',
    toll: 'none',
    refusesStarts: true,
    inflict: (host) => host.fuse.answerWith(answer),
    lift: (host) => host.fuse.answerWith(''),
  };
}

const ext4 = { obstacle: loopObstacle, disk: 'ext4', toll: 'none', refusesStarts: true } as const;

/** The next agent starts on the sick disk, and what its predecessors left still runs. */
const withBothKilled = (one: Sickness): Sickness => ({
  ...one,
  name: `${one.name}; agent and keeper killed`,
  toll: 'keeper',
  agentEnds: true,
  inflict: async (host) => {
    await one.inflict(host);
    host.kill([host.agentPid, ...host.keeperPids()]);
  },
});

const SICK_DISKS: readonly Sickness[] = [
  {
    ...ext4,
    name: 'disk frozen (fsfreeze)',
    toll: 'lease',
    inflict: (host) => host.ext4.freeze(),
    lift: (host) => host.ext4.thaw(),
  },
  { ...fuse('disk stalled: nothing is answered, not even a read', 'STALL'), toll: 'lease' },
  { ...ext4, name: 'disk full', inflict: (host) => host.ext4.fill(), lift: (host) => host.ext4.free() },
  {
    ...ext4,
    name: 'disk full: no inode is left',
    disk: 'few-inodes',
    inflict: (host) => host.ext4.fillInodes(),
    lift: (host) => host.ext4.free(),
  },
  fuse('disk read-only under open files', 'EROFS'),
  {
    ...ext4,
    name: 'disk damaged: ext4 makes itself read-only; later repaired by hand',
    inflict: (host) => host.ext4.damage(),
    lift: async (host) => {
      await host.killAll();
      await host.ext4.repair();
      host.start();
    },
  },
  fuse('disk failing: every request is an I/O error', 'EIO'),
];

const SLOW: Sickness = { ...fuse('disk slow: a third of a second for each request', 'SLOW'), refusesStarts: false };

export const DISK_SICKNESSES: readonly Sickness[] = [...SICK_DISKS, SLOW, ...SICK_DISKS.map(withBothKilled)];
