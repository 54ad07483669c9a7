/** What a state directory tells of its keeper: which process it is, and the key by which its workloads are known. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../host/process-table.ts';
import type { FirstProcess } from '../host/tree.ts';

/** In the state directory: process id and start of the keeper that has its lock. */
export const KEEPER_PID_FILE = 'keeper.pid';

/** The living keeper of a state directory; undefined when there is none, or it has not written down yet who it is. */
export async function keeperOf(path: string): Promise<FirstProcess | undefined> {
  const text = await readFile(join(path, KEEPER_PID_FILE), 'utf8').catch(() => '');
  const [pid = 0, startTicks = 0] = text.split(' ').map(Number);
  return pid > 1 && isAlive({ pid, startTicks }) ? { pid, startTicks } : undefined;
}

/** The key of a state directory. Made once: a folder that is deleted and made again may get the old one's number. */
export async function stateKeyOf(path: string): Promise<string> {
  const file = join(path, 'keeper.id');
  const known = await readFile(file, 'utf8').catch(() => '');
  const id = known === '' ? await makeId(file) : known;
  const { dev, ino } = await stat(path, { bigint: true });
  return createHash('sha256').update(`${dev}:${ino}:${id}`).digest('hex').slice(0, 16);
}

/** A full disk takes no id: then the folder's number alone has to do, until there is one. */
async function makeId(file: string): Promise<string> {
  const made = randomBytes(16).toString('hex');
  // Never over another's; but one that a full disk left empty is nobody's.
  const isEmpty = (await stat(file).catch(() => undefined))?.size === 0;
  await writeFile(file, made, { flag: isEmpty ? 'r+' : 'wx', mode: 0o600 }).catch(() => undefined);
  return readFile(file, 'utf8').catch(() => '');
}
