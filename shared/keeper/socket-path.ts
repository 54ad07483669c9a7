/** Where a keeper listens. A path of a unix socket has at most 107 bytes; a state directory may be deeper than that. */
import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const LIMIT_BYTES = 107;

/** Holds the path of the socket when that is not in the state directory. */
const RECORD = 'keeper.socket-path';

const besideState = (stateDir: string): string => join(resolve(stateDir), 'keeper.sock');
const fits = (path: string): boolean => Buffer.byteLength(path) <= LIMIT_BYTES;

/** Where the path of the state directory is short enough, its socket is in it; undefined: elsewhere. */
export function socketInside(stateDir: string): string | undefined {
  const path = besideState(stateDir);
  return fits(path) ? path : undefined;
}

/** Path of the socket, for whoever wants to connect. Whether a keeper is there only connecting can tell. */
export async function socketPath(stateDir: string): Promise<string> {
  return socketInside(stateDir) ?? readFile(join(stateDir, RECORD), 'utf8').catch(() => besideState(stateDir));
}

/**
 * Path of the socket, for the keeper. Where the path in the state directory is too long, it is in a folder of its own under the
 * system's folder for temporary files, which only this user can enter, and the state directory keeps a record of it.
 */
export async function makeSocketPath(stateDir: string): Promise<{ readonly path: string; readonly moved: boolean }> {
  const path = besideState(stateDir);
  if (socketInside(stateDir) !== undefined) return { path, moved: false };
  const outdated = await socketPath(stateDir);
  if (outdated !== path) await removeSocket(stateDir, outdated);
  const short = join(await mkdtemp(join(tmpdir(), 'locum-')), 'keeper.sock');
  await writeFile(join(stateDir, RECORD), short, { mode: 0o600 });
  return { path: short, moved: true };
}

/** Takes away the socket and, where it has one of its own, its folder. */
export async function removeSocket(stateDir: string, path: string): Promise<void> {
  await rm(path, { force: true });
  if (path === besideState(stateDir)) return;
  // Empty now, or not ours to take away.
  await rmdir(dirname(path)).catch(() => undefined);
  await rm(join(stateDir, RECORD), { force: true });
}
