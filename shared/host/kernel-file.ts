/**
 * Files of the kernel (cgroupfs, /proc), read and written at once, also when this process has no descriptor left. Without that a keeper
 * whose descriptors are exhausted could not open `cgroup.kill` at a deadline, and would take every process for gone.
 *
 * A few descriptors are kept back for it. They are closed for the moment of an access that finds none, and taken back after it.
 */
import { closeSync, openSync, readdirSync, readFile as readFileOf, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorCode } from '../caught-error.ts';

/** More than an access needs, as a thread of the pool may be quicker to take one that was freed. */
const KEPT = 4;

const kept: number[] = [];
/** The read that has one of them. */
let borrowed: Promise<unknown> = Promise.resolve();
const readDescriptor = promisify(readFileOf);

/** Needed once, while there are descriptors: at the start of a program that kills. */
export function keepDescriptors(): void {
  try {
    while (kept.length < KEPT) kept.push(openSync('/dev/null', 'r'));
  } catch {
    // None is left to be kept: those that are have to do, and the next access tries again.
  }
}

/** @throws what the file system says */
export const readKernelFile = (path: string): string => access(() => readFileSync(path, 'utf8'));

/** One that is there; it is never made. @throws what the file system says */
export function writeKernelFile(path: string, text: string): void {
  access(() => writeFileSync(path, text, { flag: 'r+' }));
}

/**
 * Beside everything else: for a file whose read may wait for a lock in the kernel, and must not hold us up with it. Without a descriptor
 * one of those kept back is used, and no more than one: whoever asks meanwhile waits for it, so that a kill finds the others.
 * @throws what the file system says
 */
export async function readKernelFileLater(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
  const turn = borrowed.then(() => readBorrowed(path));
  borrowed = turn.catch(() => undefined);
  return turn;
}

async function readBorrowed(path: string): Promise<string> {
  const descriptor = access(() => openSync(path, 'r'));
  try {
    return await readDescriptor(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
    keepDescriptors();
  }
}

/** Names in a folder of the kernel. @throws what the file system says */
export const namesInKernelFolder = (path: string): string[] => access(() => readdirSync(path));

/** Names of the folders in one. @throws what the file system says */
export function foldersInKernelFolder(path: string): string[] {
  const entries = access(() => readdirSync(path, { withFileTypes: true }));
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function access<T>(work: () => T): T {
  keepDescriptors();
  try {
    return work();
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
  for (const descriptor of kept.splice(0)) closeSync(descriptor);
  try {
    return work();
  } finally {
    keepDescriptors();
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(errorCode(error));
}
