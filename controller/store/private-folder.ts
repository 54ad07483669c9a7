/** The folder that a controller keeps its files in: nobody else's business, also when somebody made it beforehand. */
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';

const STICKY = 0o1000;

/**
 * Makes the folder, or takes its rights from group and others. Only where it is ours and holds nothing but our files (`isOurs` by name):
 * a path that leads into somebody's folder, or into a temporary one of all, leaves that as it is.
 */
export function keepFolderPrivate(folder: string, isOurs: (name: string) => boolean): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = statSync(folder);
  if ((mode & 0o077) === 0 || (mode & STICKY) !== 0 || uid !== process.getuid?.()) return;
  if (readdirSync(folder).every(isOurs)) chmodSync(folder, 0o700);
}
