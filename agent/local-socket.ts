/** Where an agent takes orders of this host's administrator: a unix socket in its state directory, which only its user can enter. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** Longest path of a unix socket that the kernel takes. */
const LIMIT_BYTES = 107;

export interface LocalSocketPath {
  readonly path: string;
  /** Call when the socket is open, or is no longer needed. */
  readonly release: () => void;
}

/** A path by which the socket of a state directory can be bound or reached, however deep that directory is. */
export function localSocketPath(stateDir: string): LocalSocketPath {
  const path = join(stateDir, 'agent.sock');
  if (Buffer.byteLength(path) <= LIMIT_BYTES) return { path, release: () => undefined };
  // The kernel follows the open directory, so that the path itself stays short.
  const directory = openSync(stateDir, 'r');
  return { path: `/proc/self/fd/${directory}/agent.sock`, release: () => closeSync(directory) };
}
