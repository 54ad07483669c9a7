/** Folders that only this user may change: what another one owns he can fill with what he likes, and swap under whoever works in it. */
import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { ExposedFileError } from '../pki/private-file.ts';

/** Root can put files everywhere, so a folder of root's is no danger. @throws ExposedFileError: it is another user's */
function refuseOthersFolder(path: string, { uid }: Pick<Stats, 'uid'>): void {
  const own = process.getuid?.();
  if (own === undefined || uid === own || uid === 0) return;
  throw new ExposedFileError(
    `${path} belongs to another user (uid ${uid}), who can replace what is in it: chown it, if all that is in it is yours, or use another folder`,
  );
}

/** The same of a link to a folder, too: whoever owns that leads elsewhere. @throws ExposedFileError */
export async function refuseOthersPlace(path: string): Promise<void> {
  for (const stats of [await lstat(path), await stat(path)]) refuseOthersFolder(path, stats);
}

/** Makes it, or takes one that is there, for this user alone: whoever can enter can connect to the sockets in it. @throws ExposedFileError: it is another user's */
export async function makePrivateFolder(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return;
  }
  refuseOthersFolder(path, there);
  if ((there.mode & 0o077) !== 0) await chmod(path, 0o700);
}
