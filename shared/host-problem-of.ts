/** Which problem of the host an error of the system is. One table for starts, for the disk and for trials. */
import { errorCode, messageOf } from './caught-error.ts';
import { DiskStalledError } from './disk-lane.ts';
import type { HostProblem, HostProblemKind } from './host-problem.ts';

const KINDS: Readonly<Record<string, HostProblemKind>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EROFS: 'READ_ONLY',
  EIO: 'IO_ERROR',
  ENODATA: 'IO_ERROR',
  EUCLEAN: 'IO_ERROR',
  ESTALE: 'IO_ERROR',
  EMFILE: 'NO_DESCRIPTORS',
  ENFILE: 'NO_DESCRIPTORS',
  EAGAIN: 'NO_PROCESSES',
  ENOMEM: 'NO_MEMORY',
};

/** Undefined: the host is not to blame. */
export function hostProblemOf(error: unknown): HostProblem | undefined {
  if (error instanceof DiskStalledError) return { kind: 'IO_ERROR', detail: error.message };
  const kind = KINDS[errorCode(error)];
  return kind && { kind, detail: messageOf(error) };
}
