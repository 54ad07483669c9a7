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

/** Reads of `readKernelFileLater` that look for a descriptor of their own at a time: no more than the pool has threads for. */
const READERS = 4;
/** An access needs one. Each of those readers may be quicker to take one that was freed, and nothing else here is. */
const KEPT = 2 * READERS;

const kept: number[] = [];
/** The read that has one of them. */
let borrowed: Promise<unknown> = Promise.resolve();
let readers = 0;
const waiting: (() => void)[] = [];
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
    return await amongFew(() => readFile(path, 'utf8'));
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
  const turn = borrowed.then(() => readBorrowed(path));
  borrowed = turn.catch(() => undefined);
  return turn;
}

async function amongFew<T>(read: () => Promise<T>): Promise<T> {
  if (readers < READERS) readers += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await read();
  } finally {
    const next = waiting.shift();
    if (next === undefined) readers -= 1;
    else next();
  }
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
  try {
    return withFreed(work);
  } finally {
    keepDescriptors();
  }
}

/** One after the other: a thread that is quicker then takes one of them, not all at once. */
function withFreed<T>(work: () => T): T {
  for (;;) {
    const descriptor = kept.pop();
    if (descriptor !== undefined) closeSync(descriptor);
    try {
      return work();
    } catch (error) {
      if (descriptor === undefined || !isOutOfDescriptors(error)) throw error;
    }
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(errorCode(error));
}
