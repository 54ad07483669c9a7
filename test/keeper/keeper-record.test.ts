/** What is known of a keeper without its disk, and what is done by it when the keeper is dead. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cgroupTree, findCgroupPlace, makeCgroup, removeCgroup } from '../../shared/host/cgroup.ts';
import { processEntry } from '../../shared/host/process-table.ts';
import { killLeftoverCgroups, readKeeperRecord, writeKeeperRecord } from '../../shared/keeper/keeper-record.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { eventually, gone, isRunning } from './rig.ts';

let stateDir = '';
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'locum-record-test-'));
});
afterEach(() => {
  const memory = openRuntimeFolder(stateDir);
  if (memory !== undefined) rmSync(memory.path, { recursive: true, force: true });
  rmSync(stateDir, { recursive: true, force: true });
});

it('the cgroups of a keeper are killed without its disk once it is dead, and left alone while it lives', async (ctx) => {
  const memory = openRuntimeFolder(stateDir);
  const place = findCgroupPlace();
  if (memory === undefined || place === undefined)
    return ctx.skip('this host has no cgroup v2 or no memory for records');
  const base = join(place.mount, place.own, `locum-test-${process.pid}`);
  const cgroup = join(base, 'run-1-1');
  try {
    makeCgroup(cgroup);
  } catch (error) {
    return ctx.skip(`this user may not use cgroups: ${String(error)}`);
  }
  const left = spawn('/bin/sh', ['-c', `echo $$ > ${cgroup}/cgroup.procs && exec sleep 600`], { stdio: 'ignore' });
  const pid = left.pid ?? 0;
  try {
    await eventually('the process to be in its cgroup', () => (cgroupTree(cgroup).isEmpty() ? undefined : true));
    const startTicks = processEntry(process.pid)?.startTicks ?? 0;
    const record = { pid: process.pid, startTicks, key: 'key', cgroups: [base] };
    writeKeeperRecord(memory, record);
    expect(readKeeperRecord(openRuntimeFolder(stateDir))).toEqual(record);
    expect(killLeftoverCgroups(memory)).toBe(0);
    expect(isRunning(pid)).toBe(true);
    // Another process has the number of the keeper by now.
    writeKeeperRecord(memory, { ...record, startTicks: startTicks + 1 });
    rmSync(stateDir, { recursive: true });
    expect(killLeftoverCgroups(memory)).toBe(1);
    await gone(pid);
  } finally {
    left.kill('SIGKILL');
    await eventually('the cgroup to be empty', () => (cgroupTree(cgroup).isEmpty() ? true : undefined));
    removeCgroup(base);
  }
});

it('a record that makes no sense is none', () => {
  const memory = openRuntimeFolder(stateDir);
  memory?.write('keeper.json', { pid: 'me', cgroups: [1] });
  expect(readKeeperRecord(memory)).toBeUndefined();
  expect(killLeftoverCgroups(memory)).toBe(0);
});
