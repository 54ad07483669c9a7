/**
 * Where the platform tells that this virtual machine was restored from a snapshot (semantics: A8). Its clocks may then have stood
 * still, and what is in its memory may be of the past.
 *
 * Linux has one place where an ordinary process can read that: the device of a vmclock (`/dev/vmclock0`, Linux 6.13), whose page
 * has a marker that the hypervisor changes before a restored or moved machine goes on. The generation id of ACPI (vmgenid) stays
 * inside the kernel. For every other platform there is a file that something else writes.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { messageOf } from '../shared/caught-error.ts';
import { badField } from '../shared/errors.ts';

/** What can be read of it. A page is what a vmclock shows. */
const LIMIT_BYTES = 4096;
const VMCLOCK_DEVICE = '/dev/vmclock0';
/** `struct vmclock_abi` of the kernel's uapi: a magic number first, and a counter of its updates before the marker. */
const VMCLOCK = { magic: 'VCLK', markerAt: 16, markerEnd: 24 } as const;

export interface VmGeneration {
  readonly file: string;
  readonly kind: 'vmclock' | 'file';
  /** What changes with the generation. Undefined: it can't be read just now. */
  readonly read: () => string | undefined;
}

/**
 * `file` empty: the vmclock of this machine, if there is one that may be read; undefined: there is none.
 * @throws LocumError INVALID_FIELD for a file that can't be read: nobody should believe to be protected and not be
 */
export function findVmGeneration(file: string, device = VMCLOCK_DEVICE): VmGeneration | undefined {
  const path = file === '' ? device : file;
  try {
    const kind = isVmclock(readStart(path)) ? 'vmclock' : 'file';
    // What stands at the default path and is no vmclock is not ours to interpret.
    return file === '' && kind === 'file' ? undefined : { file: path, kind, read: () => readGeneration(path) };
  } catch (error) {
    if (file === '') return undefined;
    throw badField('INVALID_FIELD', 'vm_generation_file', `${file} can't be read: ${messageOf(error)}`);
  }
}

function readGeneration(file: string): string | undefined {
  try {
    const start = readStart(file);
    // The rest of a vmclock changes all the time.
    return (isVmclock(start) ? start.subarray(VMCLOCK.markerAt, VMCLOCK.markerEnd) : start).toString('hex');
  } catch {
    return undefined;
  }
}

const isVmclock = (start: Buffer): boolean =>
  start.length >= VMCLOCK.markerEnd && start.toString('latin1', 0, VMCLOCK.magic.length) === VMCLOCK.magic;

/** Opened each time: the file may be replaced by another one of the same name. */
function readStart(file: string): Buffer {
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(LIMIT_BYTES);
    return buffer.subarray(0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}
