/** Files with secrets: for their owner only from the first byte on, and whole or not there. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../caught-error.ts';

const STICKY = 0o1000;

/** Others on this host may read a secret, or change it. */
export class ExposedFileError extends Error {
  override readonly name = 'ExposedFileError';
}

/** Takes the place of what was there. Readers see the old text or the new one; after a power cut too. */
export function replacePrivateFile(path: string, text: string): void {
  const draft = draftOf(path, text);
  renameSync(draft, path);
  syncFolder(path);
}

/** False, and nothing is changed, when something is there already. */
export function createPrivateFile(path: string, text: string): boolean {
  const draft = draftOf(path, text);
  try {
    linkSync(draft, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
  syncFolder(path);
  return true;
}

/** A group may read it, as the services of systemd and the secrets of Kubernetes have it. @throws ExposedFileError */
export function readPrivateFile(path: string): string {
  const { mode } = ofAFile(path, statSync(path));
  if ((mode & 0o027) !== 0) {
    throw new ExposedFileError(
      `${path} is open to other users of this host (${(mode & 0o777).toString(8)}): chmod 600 it`,
    );
  }
  return readFileSync(path, 'utf8');
}

/** What is no secret, but decides whom we trust: others may read it. @throws ExposedFileError */
export function readTrustedFile(path: string): string {
  refuseWriters(path, statSync(path));
  return readFileSync(path, 'utf8');
}

/** Of a folder with the sticky bit nobody takes what is another's: mounted secrets are in such ones. @throws ExposedFileError: all can write to it */
export function refuseWriters(path: string, { mode }: Pick<Stats, 'mode'>): void {
  if ((mode & 0o002) === 0 || (mode & STICKY) !== 0) return;
  throw new ExposedFileError(
    `${path} can be changed by all users of this host (${(mode & 0o777).toString(8)}), who say then whom it trusts: chmod o-w it`,
  );
}

/** A folder has other modes than a file, and who follows advice for a file may lock everybody out of it. @throws ExposedFileError */
export function ofAFile(path: string, stats: Stats): Stats {
  if (stats.isDirectory()) throw new ExposedFileError(`${path} is a folder, and a file is meant`);
  return stats;
}

function draftOf(path: string, text: string): string {
  const draft = `${path}.new-${process.pid}`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
