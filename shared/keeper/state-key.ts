/** What a state directory tells of its keeper: which process it is, and the key by which its workloads are known. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FirstProcess } from '../host/containment.ts';
import { processEntry } from '../host/process-table.ts';

/** In the state directory: process id and start of the keeper that has its lock. */
export const KEEPER_PID_FILE = 'keeper.pid';

/** The living keeper of a state directory; undefined when there is none, or it has not written down yet who it is. */
export async function ownerOf(path: string): Promise<FirstProcess | undefined> {
  const text = await readFile(join(path, KEEPER_PID_FILE), 'utf8').catch(() => '');
  const [pid = 0, startTicks = 0] = text.split(' ').map(Number);
  const found = pid > 1 ? await processEntry(pid) : undefined;
  return found !== undefined && !found.isZombie && found.startTicks === startTicks ? { pid, startTicks } : undefined;
}

/** The key of a state directory, for whoever kills what a dead keeper of it left. */
export async function keyOf(path: string): Promise<string> {
  const file = join(path, 'keeper.id');
  const made = randomBytes(16).toString('hex');
  // Made once: a folder that is deleted and made again may get the old one's number.
  await writeFile(file, made, { flag: 'wx', mode: 0o600 }).catch(() => undefined);
  const [id, { dev, ino }] = await Promise.all([readFile(file, 'utf8'), stat(path, { bigint: true })]);
  return createHash('sha256').update(`${dev}:${ino}:${id}`).digest('hex').slice(0, 16);
}
