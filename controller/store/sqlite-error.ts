/** Turns what SQLite and the file system throw into StoreErrors that say what to do next. */
import { readFileSync } from 'node:fs';
import { StoreError } from './store.ts';

/** Primary result codes (https://sqlite.org/rescode.html); the high bits of `errcode` only refine them. */
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

export interface SqliteFault {
  readonly code: number;
  readonly message: string;
}

/** SQLite's own result, or undefined when the error is none of SQLite's. */
export function sqliteFault(error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return { code: error.errcode & 0xff, message: error.message };
}

/** Disk full while writing: SQLite has rolled the transaction back, and it works again once there is space. */
export const isFull = (error: unknown): boolean => sqliteFault(error)?.code === FULL;

/** Errors that are none of SQLite's or the file system's are defects: they come back unchanged. */
export function sqliteStoreError(file: string, inode: bigint | undefined, error: unknown): unknown {
  if (error instanceof StoreError) return error;
  const fault = sqliteFault(error);
  if (fault !== undefined) return fromFault(file, inode, fault, error);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error) {
    return new StoreError('STORE_UNAVAILABLE', `${file} can't be used: ${error.message}.`, { cause: error });
  }
  return error;
}

function fromFault(file: string, inode: bigint | undefined, fault: SqliteFault, cause: unknown): StoreError {
  switch (fault.code) {
    case BUSY:
    case LOCKED: {
      const holder = inode === undefined ? undefined : lockHolder(inode);
      const who = holder === undefined ? 'another process' : `process ${holder}`;
      const advice = 'Stop it, or give this controller a file of its own.';
      return new StoreError('LOCKED', `${file} is in use by ${who}. ${advice}`, { cause });
    }
    case FULL:
      return new StoreError('STORE_FULL', `No space left for ${file}. Nothing is lost: free some and try again.`, {
        cause,
      });
    // All our SQL is fixed, so what it does not find is not what was once there.
    case ERROR:
    case CORRUPT:
      return new StoreError('CORRUPT', `${file} is damaged (${fault.message}). Restore it from a backup.`, { cause });
    case NOTADB: {
      const advice = 'Give the path of a store, or of a file that does not exist yet.';
      return new StoreError('NOT_A_STORE', `${file} is no database, or its start is damaged. ${advice}`, { cause });
    }
    case READONLY:
    case CANTOPEN: {
      const advice = 'Check the owner and the permissions of the file and of its folder.';
      return new StoreError('STORE_UNAVAILABLE', `${file} can't be written (${fault.message}). ${advice}`, { cause });
    }
    default:
      return new StoreError('STORE_UNAVAILABLE', `${file} can't be used: ${fault.message}.`, { cause });
  }
}

/**
 * The pid that holds a lock on this inode, by the kernel's own table; undefined where that can't be told (another pid
 * namespace, no procfs). For the message only.
 */
function lockHolder(inode: bigint): number | undefined {
  try {
    const locks = readFileSync('/proc/locks', 'utf8');
    const found = new RegExp(`POSIX +ADVISORY +WRITE +(\\d+) +\\w+:\\w+:${inode} `).exec(locks);
    const pid = Number(found?.[1] ?? 0);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
