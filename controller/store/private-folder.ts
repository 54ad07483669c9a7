/** The folder that a controller keeps its files in: nobody else's business, also when somebody made it beforehand. */
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';

const STICKY = 0o1000;

/**
 * Makes the folder, or takes its rights from group and others. Only where it is ours and holds nothing but our files (`isOurs` by name):
 * a path that leads into somebody's folder, or into a temporary one of all, leaves that as it is.
 *
 * @returns why others can put files of theirs in the place of ours, for people; undefined: they can't
 */
export function keepFolderPrivate(folder: string, isOurs: (name: string) => boolean): string | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = statSync(folder);
  const owner = process.getuid?.();
  // Root can put files everywhere, so a folder of root's is no news.
  if (uid !== owner && uid !== 0)
    return `${folder} belongs to another user (uid ${uid}), who can replace what is in it`;
  if ((mode & 0o077) === 0 || (mode & STICKY) !== 0 || uid !== owner) return undefined;
  if (readdirSync(folder).every(isOurs)) chmodSync(folder, 0o700);
  else if ((mode & 0o022) !== 0)
    return `${folder} holds other files too and others can write to it: chmod go-w, or use a folder of its own`;
  return undefined;
}
