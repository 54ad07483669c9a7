/**
 * Deletes what a program left, while others of its user may still be at work in it. Whoever walks down such a tree by names can be led
 * out of it: a folder becomes a link to /etc between the look and the next step, and root deletes there. So nothing is walked: a folder
 * that is found in another one is first moved up, to where nobody but the keeper can change anything. It bounds the length of a path,
 * too, which a program can make as long as it likes.
 */
import { chmod, lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Times that a folder may be found with something new in it. */
const ROUNDS = 20;

/**
 * Of a folder that nobody else may change; what is not there is deleted already. Names in `kept` stay. What can't be deleted keeps nothing else.
 *
 * @throws what the disk answers first: a mount is not entered (EBUSY), for one
 */
export async function removeContents(folder: string, kept: readonly string[] = []): Promise<void> {
  const names = await namesIn(folder);
  const isTaken = new Set(names);
  let last = 0;
  const nextName = (): string => {
    do last += 1;
    while (isTaken.has(`removed-${last}`));
    return `removed-${last}`;
  };
  const left = names.filter((name) => !kept.includes(name));
  const problems: unknown[] = [];
  const take = (name: string): void => void left.push(name);
  for (let name = left.pop(); name !== undefined; name = left.pop())
    await removeName(folder, name, { nextName, take }).catch((error: unknown) => problems.push(error));
  if (problems.length > 0) throw problems[0];
}

interface MovedUp {
  /** A name that nothing has there. */
  readonly nextName: () => string;
  /** Is told of each that has one now. */
  readonly take: (name: string) => void;
}

async function removeName(folder: string, name: string, { nextName, take }: MovedUp): Promise<void> {
  const path = join(folder, name);
  if ((await removeFile(path)) !== 'folder') return;
  for (let round = 1; ; round += 1) {
    // Its own user may have kept even himself out.
    await chmod(path, 0o700);
    for await (const { name: inner } of await opendir(path)) {
      if ((await removeFile(join(path, inner))) !== 'folder') continue;
      const moved = nextName();
      if (await moveUp(join(path, inner), join(folder, moved))) take(moved);
    }
    if (await removeEmpty(path, round)) return;
  }
}

/** A folder with all that is in it, where nobody else may change the folder that it is in. */
export async function removeFolder(folder: string): Promise<void> {
  await removeContents(folder);
  await rmdir(folder).catch(unless('ENOENT'));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) names.push(name);
  } catch (error) {
    unless('ENOENT')(error);
  }
  return names;
}

/** Never follows a link, also not when the name has just become one. */
async function removeFile(path: string): Promise<'removed' | 'folder'> {
  try {
    await unlink(path);
  } catch (error) {
    unless('ENOENT', 'EISDIR', 'EPERM')(error);
    const there = await lstat(path).catch(unless('ENOENT'));
    if (there?.isDirectory() === true) return 'folder';
    if (there !== undefined) throw error;
  }
  return 'removed';
}

/** False: it has gone. */
async function moveUp(from: string, to: string): Promise<boolean> {
  try {
    // Whoever is not root can't move a folder that he may not write to; root needs no such thing, and must not follow a link here.
    if (process.getuid?.() !== 0) await chmod(from, 0o700);
    await rename(from, to);
    return true;
  } catch (error) {
    unless('ENOENT')(error);
    return false;
  }
}

/** False: there is something in it again. */
async function removeEmpty(path: string, round: number): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (round === ROUNDS) throw error;
    unless('ENOTEMPTY', 'EEXIST')(error);
    return false;
  }
}

const unless =
  (...codes: readonly string[]) =>
  (error: unknown): undefined => {
    const { code }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
    if (code === undefined || !codes.includes(code)) throw error;
  };
