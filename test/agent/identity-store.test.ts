import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadIdentity } from '../../agent/identity.ts';
import { IdentityStore, rememberedIdentity } from '../../agent/identity-store.ts';
import { claimStateDirectory } from '../../agent/state-directory.ts';
import { DiskLane } from '../../shared/disk-lane.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { openRuntimeFolder, type RuntimeFolder } from '../../shared/keeper/runtime-folder.ts';

let stateDir = '';
let memory: RuntimeFolder | undefined;
let told: (HostProblem | undefined)[] = [];
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'locum-identity-store-'));
  memory = openRuntimeFolder(stateDir);
  told = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(stateDir, { recursive: true });
  if (memory !== undefined) rmSync(memory.path, { recursive: true, force: true });
});

async function open(lane: DiskLane): Promise<IdentityStore> {
  const identity = await loadIdentity(stateDir, 'web-1');
  return new IdentityStore({
    stateDir,
    identity,
    isOnDisk: true,
    lane,
    memory,
    tell: (problem) => told.push(problem),
  });
}

const onDisk = (): { readonly highestTerm: number } =>
  JSON.parse(readFileSync(join(stateDir, 'instance.json'), 'utf8')) as { highestTerm: number };

it('whoever waits for a new term to be durable finds it on the disk', async () => {
  const store = await open(new DiskLane('test', 5_000));
  expect(await store.durable()).toBeUndefined();
  store.save({ highestTerm: 7 });
  expect(await store.durable()).toBeUndefined();
  expect(onDisk().highestTerm).toBe(7);
  store.close();
});

it('a term that the disk does not take in time is a problem of the host, counts all the same, and is tried again', async () => {
  const lane = new DiskLane('test', 100);
  const store = await open(lane);
  const stall = Promise.withResolvers<void>();
  void lane.run(() => stall.promise).catch(() => undefined);
  store.save({ highestTerm: 8, uid: 'uid' });
  expect(await store.durable()).toMatchObject({ kind: 'IO_ERROR' });
  expect(store.identity).toMatchObject({ highestTerm: 8, uid: 'uid' });
  // Where the host has memory for it, there is a copy that asks no disk.
  expect(memory === undefined || rememberedIdentity(memory)?.highestTerm === 8).toBe(true);
  expect(told).toMatchObject([{ kind: 'IO_ERROR' }]);
  stall.resolve();
  await expect.poll(() => told.at(-1)).toBeUndefined();
  expect(onDisk().highestTerm).toBe(8);
  store.close();
});

it('a server that has left its cluster is a new place of no cluster, on the disk and in memory', async () => {
  const store = await open(new DiskLane('test', 5_000));
  store.save({ highestTerm: 7, uid: 'uid', clusterId: 'cluster-a' });
  const { instanceId, machineId } = store.identity;
  store.forgetCluster();
  expect(await store.durable()).toBeUndefined();
  store.close();
  const next = await loadIdentity(stateDir, 'web-1');
  expect(next).toMatchObject({ server: 'web-1', uid: '', clusterId: '', highestTerm: 0, machineId });
  expect(next.instanceId).not.toBe(instanceId);
  expect(memory === undefined || rememberedIdentity(memory)?.instanceId === next.instanceId).toBe(true);
});

it('a server that has left its cluster while its disk was full has left it for the agent that comes next, too', async (ctx) => {
  if (memory === undefined) return ctx.skip('this host has no memory for records');
  // The limit is for the write that stalls: those of a busy machine may take longer.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const lane = new DiskLane('test', 100);
  const first = await open(lane);
  first.save({ highestTerm: 7, uid: 'uid', clusterId: 'cluster-a' });
  expect(await first.durable()).toBeUndefined();
  const stall = Promise.withResolvers<void>();
  void lane.run(() => stall.promise).catch(() => undefined);
  first.forgetCluster();
  vi.advanceTimersByTime(100);
  expect(await first.durable()).toMatchObject({ kind: 'IO_ERROR' });
  expect(first.isLeaveUnwritten).toBe(true);
  first.close();
  stall.resolve();
  vi.useRealTimers();

  const claimed = await claimStateDirectory(stateDir, 'web-1', { warn: () => undefined, error: () => undefined });
  expect(claimed).toMatchObject({ isOnDisk: false, identity: { clusterId: '', uid: '', highestTerm: 0 } });
  const next = new IdentityStore({ ...claimed, stateDir, tell: (problem) => told.push(problem) });
  expect(await next.durable()).toBeUndefined();
  expect(onDisk()).toEqual({ ...(await loadIdentity(stateDir, 'web-1')), ...next.identity });
  expect(onDisk()).not.toHaveProperty('replaces');
  expect(next.isLeaveUnwritten).toBe(false);
  next.close();
  claimed.release();
});

it('what memory has of a folder that was made anew since counts for nothing', async (ctx) => {
  if (memory === undefined) return ctx.skip('this host has no memory for records');
  const first = await open(new DiskLane('test', 5_000));
  first.save({ highestTerm: 7, uid: 'uid', clusterId: 'cluster-a' });
  expect(await first.durable()).toBeUndefined();
  first.close();
  rmSync(join(stateDir, 'instance.json'));
  const claimed = await claimStateDirectory(stateDir, 'web-1', { warn: () => undefined, error: () => undefined });
  expect(claimed).toMatchObject({ isOnDisk: true, identity: { clusterId: '', uid: '', highestTerm: 0 } });
  claimed.release();
});

it('a newer term that only memory has is on the disk before anybody is told that it is durable', async (ctx) => {
  if (memory === undefined) return ctx.skip('this host has no memory for records');
  const old = await loadIdentity(stateDir, 'web-1');
  // As an agent that ended while its disk was full.
  memory.write('agent.json', { ...old, highestTerm: 9 });
  const claimed = await claimStateDirectory(stateDir, 'web-1', { warn: () => undefined, error: () => undefined });
  const store = new IdentityStore({ ...claimed, stateDir, tell: (problem) => told.push(problem) });
  expect([store.identity.highestTerm, onDisk().highestTerm]).toEqual([9, 0]);
  expect(await store.durable()).toBeUndefined();
  expect(onDisk().highestTerm).toBe(9);
  store.close();
  claimed.release();
});
