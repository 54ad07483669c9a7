/** Keeps this process from being the one that a host in need takes first: of memory by the kernel, of descriptors by itself. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../caught-error.ts';
import { keepDescriptors } from './kernel-file.ts';

/** Just above what never is killed: workloads go first, they are reset to 0 before they run. */
const OOM_SCORE_ADJ = -900;
/** Enough for 10,000 attempts, each with two pipes, and what else there is. */
const DESCRIPTORS = 65_536;

/** What could not be done, in words. Without the rights for it (CAP_SYS_RESOURCE) things stay as whoever started us has set them. */
export function protectProcess(): string | undefined {
  keepDescriptors();
  raiseDescriptors();
  try {
    if (Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) <= OOM_SCORE_ADJ) return undefined;
    writeFileSync('/proc/self/oom_score_adj', String(OOM_SCORE_ADJ));
    return undefined;
  } catch (error) {
    return `out of memory, the kernel may kill this process as any other: ${messageOf(error)}`;
  }
}

/** Node has raised the soft limit to the hard one; that can be raised by root only, and by the system's own program. */
function raiseDescriptors(): void {
  const hard = /^Max open files\s+\d+\s+(\S+)/m.exec(readLimits())?.[1];
  if (hard === undefined || hard === 'unlimited' || Number(hard) >= DESCRIPTORS || process.getuid?.() !== 0) return;
  const child = execFile('prlimit', ['--pid', String(process.pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`], () => {
    // Where it is not there or not allowed, the limit stays; running out of it is told as NO_DESCRIPTORS.
  });
  child.unref();
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
