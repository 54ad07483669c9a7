/** A host that has no descriptor left proves nothing: neither that a tree is empty nor that a process is gone. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, it, vi } from 'vitest';

const host = vi.hoisted(() => ({ hasDescriptors: true, refused: 0, hangs: '' }));
const refusal = vi.hoisted(() => (): Error => {
  host.refused += 1;
  return Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
});
// What it keeps back is used up as well, as where the whole host has none left.
const kernelFile = vi.hoisted(() => ({ hasDescriptors: true }));
vi.mock(import('../../shared/host/kernel-file.ts'), async (original) => {
  const actual = await original();
  const readKernelFile = (path: string): string => {
    if (!kernelFile.hasDescriptors) throw refusal();
    return actual.readKernelFile(path);
  };
  const readKernelFileLater = (path: string): Promise<string> => {
    if (path === host.hangs) return new Promise(() => undefined);
    return host.hasDescriptors ? actual.readKernelFileLater(path) : Promise.reject(refusal());
  };
  return { ...actual, readKernelFile, readKernelFileLater };
});

// Test files share a worker's modules: what others loaded already has the real functions.
vi.resetModules();
const { attemptMarks, possibleMembers, processGroupTree } = await import('../../shared/host/process-group.ts');
const { isAlive, processEntry } = await import('../../shared/host/process-table.ts');
const { killLeftoverCgroups } = await import('../../shared/keeper/keeper-record.ts');
afterAll(() => {
  vi.doUnmock('../../shared/host/kernel-file.ts');
  vi.resetModules();
});

afterEach(() => {
  host.hangs = '';
  host.hasDescriptors = true;
  kernelFile.hasDescriptors = true;
});

it('a tree is not taken for empty while nobody can be looked at, and is found and killed after that', async () => {
  const attempt = { run: `run-${process.pid}`, epoch: 3 };
  const marks = attemptMarks(attempt, 'key');
  const env = { PATH: process.env['PATH'], LOCUM_RUN: attempt.run, LOCUM_EPOCH: '3', LOCUM_KEEPER: 'key' };
  const stray = spawn('/bin/sleep', ['60'], { stdio: 'ignore', env, detached: true });
  const ended = new Promise<void>((resolve) => stray.on('exit', () => resolve()));
  try {
    const startTicks = processEntry(process.pid)?.startTicks ?? 0;
    // The first process is gone: only the environment tells who is of the tree.
    const tree = processGroupTree({ pid: 2 ** 30, startTicks }, marks);
    host.hasDescriptors = false;
    for (let look = 0; look < 50; look += 1) {
      expect(tree.isEmpty()).toBe(false);
      await sleep(2);
    }
    expect(host.refused).toBeGreaterThan(10);
    host.hasDescriptors = true;
    tree.kill();
    await ended;
    await expect.poll(() => tree.isEmpty()).toBe(true);
  } finally {
    stray.kill('SIGKILL');
  }
});

it('a process that hangs in a session older than the attempt is in nobody’s way, and one in a younger is', async () => {
  const first = spawn('/bin/sleep', ['60'], { stdio: 'ignore', detached: true });
  const startTicks = processEntry(first.pid ?? 0)?.startTicks ?? 0;
  // Of this session, which is that of whoever runs the tests.
  const [older, younger] = [false, true].map((detached) => spawn('/bin/sleep', ['60'], { stdio: 'ignore', detached }));
  const hangs = (child = first): void => {
    host.hangs = `/proc/${child.pid}/environ`;
  };
  const treeOf = () => processGroupTree({ pid: 2 ** 30, startTicks }, attemptMarks({ run: 'run', epoch: 1 }, 'key'));
  try {
    hangs(older);
    const tree = treeOf();
    await expect.poll(() => tree.isEmpty()).toBe(true);
    hangs(younger);
    const unproven = treeOf();
    for (let look = 0; look < 50; look += 1) {
      expect(unproven.isEmpty()).toBe(false);
      await sleep(2);
    }
  } finally {
    for (const child of [first, older, younger]) child?.kill('SIGKILL');
  }
});

it('a session is as old as the oldest in it, with or without its leader, and one from outside is nobody’s', () => {
  const process = (pid: number, session: number, startTicks: number) => ({
    ...{ pid, session, startTicks },
    ...{ parent: 1, group: pid, isZombie: false },
  });
  const since = 100;
  const older = [process(10, 10, 50), process(11, 10, 150)];
  const withoutLeader = [process(21, 20, 99), process(22, 20, 150)];
  const outside = [process(31, 0, 150)];
  const young = [process(40, 40, 100), process(41, 40, 120), process(51, 50, 120)];
  const found = possibleMembers([...older, ...withoutLeader, ...outside, ...young], { pid: 40, startTicks: since });
  expect(found.map(({ pid }) => pid)).toEqual([40, 41, 51]);
});

it('a process that can not be looked at is not taken for gone, and keeps no agent from starting', () => {
  const startTicks = processEntry(process.pid)?.startTicks ?? 0;
  const own = { pid: process.pid, startTicks };
  expect(isAlive(own)).toBe(true);
  kernelFile.hasDescriptors = false;
  expect(() => isAlive(own)).toThrow('EMFILE');
  const record = { ...own, key: 'key', cgroups: [] };
  const unused = { write: () => true, remove: () => undefined, removeIfEmpty: () => undefined };
  const memory = { path: '/nowhere', read: () => record, ...unused };
  expect(killLeftoverCgroups(memory)).toBe(0);
});
