/** What programs leave behind, deleted while others of their user go on. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeContents, removeFolder } from '../../keeper/disk/remove-contents.ts';

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-remove-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A tree that no path reaches the end of, so it grows at its root. */
function deepTree(folder: string, depth: number): void {
  const at = join(folder, 'work');
  mkdirSync(at);
  writeFileSync(join(at, 'last'), '');
  for (let i = 0; i < depth; i += 1) {
    renameSync(at, join(folder, 'inner'));
    mkdirSync(at);
    renameSync(join(folder, 'inner'), join(at, 'd'.repeat(200)));
  }
}

/** As fast as it can: now a folder with a file, now a link to somewhere else. */
const SWAPS = `
  const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
  const { workerData: { at, victim }, parentPort } = require('node:worker_threads');
  const quietly = (act) => { try { act(); } catch {} };
  parentPort.postMessage('begins');
  const end = Date.now() + 1_500;
  while (Date.now() < end) {
    quietly(() => mkdirSync(at + '/inner', { recursive: true }));
    quietly(() => writeFileSync(at + '/inner/precious', ''));
    quietly(() => symlinkSync(victim, at + '/link'));
    quietly(() => renameSync(at + '/inner', at + '/before'));
    quietly(() => renameSync(at + '/link', at + '/inner'));
    quietly(() => rmSync(at + '/before', { recursive: true, force: true }));
    quietly(() => rmSync(at + '/inner'));
  }
`;

describe('what a program left', () => {
  it('goes but for what can not be deleted, which is told', async (ctx) => {
    const folder = scratchFolder();
    const mounted = join(folder, 'mounted');
    for (const name of ['a', 'mounted', 'z']) mkdirSync(join(folder, name));
    const { status } = spawnSync('mount', ['-t', 'tmpfs', 'none', mounted]);
    if (status !== 0) return ctx.skip('mounting something needs root');
    try {
      await expect(removeContents(folder)).rejects.toMatchObject({ code: 'EBUSY' });
      expect(readdirSync(folder)).toEqual(['mounted']);
    } finally {
      spawnSync('umount', [mounted]);
    }
    await removeContents(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes whole, however deep it is and whoever may not enter it, but for what is kept', async () => {
    const folder = scratchFolder();
    deepTree(folder, 40);
    mkdirSync(join(folder, 'removed-1', 'closed', 'inner'), { recursive: true });
    for (const path of ['closed/inner', 'closed']) chmodSync(join(folder, 'removed-1', path), 0o500);
    writeFileSync(join(folder, 'owner.json'), '{}');
    await removeContents(folder, ['owner.json']);
    expect(readdirSync(folder)).toEqual(['owner.json']);
    await removeFolder(folder);
    await removeFolder(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('is deleted without following a link, also one that comes in the place of a folder meanwhile', async () => {
    const folder = scratchFolder();
    const victim = scratchFolder();
    writeFileSync(join(victim, 'precious'), 'x');
    const at = join(folder, 'work');
    mkdirSync(at);
    symlinkSync(victim, join(at, 'plain-link'));
    const worker = new Worker(SWAPS, { eval: true, workerData: { at, victim } });
    onTestFinished(async () => void (await worker.terminate()));
    await new Promise((resolve) => worker.once('message', resolve));
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    let running = true;
    void ended.then(() => {
      running = false;
    });
    // With something new in it again and again it may give up; that is said, and nothing worse.
    while (running) {
      await removeContents(folder).catch(() => undefined);
      mkdirSync(at, { recursive: true });
    }
    expect(readdirSync(victim)).toEqual(['precious']);
    await removeContents(folder);
    expect(readdirSync(folder)).toEqual([]);
  });
});
