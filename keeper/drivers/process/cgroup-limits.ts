/** What an attempt may take of its host, in its cgroup; and what its cgroup counted of it. Synchronous, as all files of the kernel here. */
import { join } from 'node:path';
import { formatByteSize } from '../../../shared/byte-size.ts';
import { isGone } from '../../../shared/caught-error.ts';
import { count } from '../../../shared/count.ts';
import { readKernelFile, writeKernelFile } from '../../../shared/host/kernel-file.ts';
import type { ResourceLimits } from '../../../shared/protocol/workload.ts';
import type { Controller } from './cgroup-controllers.ts';

/** The kernel's own, microseconds: the share of processor time is counted anew this often. */
const CPU_PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;

/** What the kernel has to be able to hold for it. */
export function controllersOf({ memoryBytes, cpu, pids }: ResourceLimits): readonly Controller[] {
  const needed: readonly [Controller, number | undefined][] = [
    ['memory', memoryBytes],
    ['cpu', cpu],
    ['pids', pids],
  ];
  return needed.flatMap(([controller, limit]) => (limit === undefined ? [] : [controller]));
}

/** Before the first process is in it. @throws what the kernel says */
export function writeLimits(cgroup: string, { memoryBytes, cpu, pids }: ResourceLimits): void {
  if (memoryBytes !== undefined) limitMemory(cgroup, memoryBytes);
  if (cpu !== undefined) {
    const quotaUs = Math.max(MIN_QUOTA_US, Math.round(cpu * CPU_PERIOD_US));
    writeKernelFile(join(cgroup, 'cpu.max'), `${quotaUs} ${CPU_PERIOD_US}`);
  }
  if (pids !== undefined) writeKernelFile(join(cgroup, 'pids.max'), String(pids));
}

function limitMemory(cgroup: string, bytes: number): void {
  writeKernelFile(join(cgroup, 'memory.max'), String(bytes));
  // As a whole: half a service that answers no more, and has not ended, would be worse than one that has.
  writeKernelFile(join(cgroup, 'memory.oom.group'), '1');
  try {
    writeKernelFile(join(cgroup, 'memory.swap.max'), '0');
  } catch (error) {
    // A kernel without swap has no such file.
    if (!isGone(error)) throw error;
  }
}

/** What the kernel did in it for want of memory, in words. Undefined: nothing, or it does not count there. */
export function memoryKillIn(cgroup: string): string | undefined {
  try {
    const events = readKernelFile(join(cgroup, 'memory.events'));
    const killed = counted(events, 'oom_kill');
    if (killed === 0) return undefined;
    const limit = Number(readKernelFile(join(cgroup, 'memory.max')));
    const why =
      Number.isFinite(limit) && counted(events, 'oom') > 0
        ? `it needed more memory than its limit of ${formatByteSize(limit)}`
        : 'its host had no memory left';
    return `${why}, so the kernel killed ${count(killed, 'process', 'processes')} of it`;
  } catch {
    return undefined;
  }
}

const counted = (events: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(events)?.[1] ?? 0);
