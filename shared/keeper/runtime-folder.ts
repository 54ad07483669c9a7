/**
 * What of a state directory must be known when its disk does not answer: a folder in memory (a tmpfs, gone with the boot), found by
 * the path of the state directory. It holds copies and locks, never the only form of anything that a later boot needs.
 *
 * `/run/locum` for root, `$XDG_RUNTIME_DIR/locum` or else `/dev/shm/locum-<uid>` for other users.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export interface RuntimeFolder {
  readonly path: string;
  /** The JSON of a record that was kept; undefined where there is none that can be read. */
  read(name: string): unknown;
  /** Whole or not at all. False: this memory is full, too, or not ours; whoever needs it later goes without. */
  write(name: string, value: unknown): boolean;
  remove(name: string): void;
  /** Takes the folder away once nothing is in it. */
  removeIfEmpty(): void;
}

/** Undefined where there is no such memory, or where somebody else made a folder in our place. */
export function openRuntimeFolder(stateDir: string): RuntimeFolder | undefined {
  const above = runtimeBase();
  const path = join(above, createHash('sha256').update(resolve(stateDir)).digest('hex').slice(0, 16));
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const folder of [above, path]) {
      const { uid, mode } = lstatSync(folder);
      if (uid !== process.getuid?.() || (mode & 0o077) !== 0) return undefined;
    }
  } catch {
    return undefined;
  }
  return { path, ...recordsIn(path), removeIfEmpty: () => removeIfEmpty(path) };
}

export function runtimeBase(): string {
  const uid = process.getuid?.() ?? 0;
  const own = process.env['XDG_RUNTIME_DIR'];
  if (uid === 0) return '/run/locum';
  return own?.startsWith('/') ? join(own, 'locum') : `/dev/shm/locum-${uid}`;
}

function recordsIn(path: string): Pick<RuntimeFolder, 'read' | 'write' | 'remove'> {
  return {
    read: (name) => {
      try {
        return JSON.parse(readFileSync(join(path, name), 'utf8'));
      } catch {
        return undefined;
      }
    },
    write: (name, value) => {
      try {
        const beside = join(path, `${name}.${process.pid}`);
        writeFileSync(beside, JSON.stringify(value), { mode: 0o600 });
        renameSync(beside, join(path, name));
        return true;
      } catch {
        return false;
      }
    },
    remove: (name) => rmSync(join(path, name), { force: true, recursive: true }),
  };
}

function removeIfEmpty(path: string): void {
  for (const folder of [path, dirname(path)]) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}
