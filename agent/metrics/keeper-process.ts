/** What the keeper's process uses, as the kernel tells it without a lock of that process. */
import { namesInKernelFolder, readKernelFile } from '../../shared/host/kernel-file.ts';

export interface KeeperUse {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  /** Undefined: hidden from this user. */
  readonly openFiles: number | undefined;
}

/** What the kernel calls a tick in these files, on every system that Node runs on. */
const TICKS_A_SECOND = 100;
const KIB = 1024;

/** Undefined: it is gone, hidden, or can't be read just now. */
export function keeperUse(pid: number): KeeperUse | undefined {
  try {
    const stat = readKernelFile(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readKernelFile(`/proc/${pid}/status`))?.[1];
    if (kilobytes === undefined) return undefined;
    const cpuSeconds = (userTicks + systemTicks) / TICKS_A_SECOND;
    return { cpuSeconds, memoryBytes: Number(kilobytes) * KIB, openFiles: openFilesOf(pid) };
  } catch {
    return undefined;
  }
}

function openFilesOf(pid: number): number | undefined {
  try {
    return namesInKernelFolder(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}
