/**
 * Where tests have their files: in memory, where this machine has enough. They make and remove tens of gigabytes, and a shared disk that is
 * behind with that lets a small file wait for a minute: longer than a keeper may take to start. What a sick disk does is tried on
 * disks of its own (test/faults/sick).
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY_FOLDER = '/dev/shm';
const GIB = 2 ** 30;
/** What is in it at a time stays well below that. */
const NEEDED_BYTES = 8 * GIB;
/** Linux: TMPFS_MAGIC. Elsewhere a folder of this name could be anything. */
const TMPFS = 0x01_02_19_94;

/** Vitest calls it once, before it starts the processes that load tests, which inherit the environment. */
export default function setup(): () => void {
  // Short: the path of a socket has 107 characters.
  const folder = mkdtempSync(`${hasEnoughMemory() ? MEMORY_FOLDER : tmpdir()}/t-`);
  // As of every temporary folder: some tests start programs as other users.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function hasEnoughMemory(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(MEMORY_FOLDER);
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return type === TMPFS && bavail * bsize >= NEEDED_BYTES && Number(available) * 1024 >= 2 * NEEDED_BYTES;
  } catch {
    return false;
  }
}
