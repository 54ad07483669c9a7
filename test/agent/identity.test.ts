import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostBootId, hostMachineId, IdentityError, loadIdentity, saveIdentity } from '../../agent/identity.ts';
import { AgentRunningError, claimStateDirectory } from '../../agent/state-directory.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'locum-identity-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

describe('the identity of an agent', () => {
  it('is made once, and kept', async () => {
    const made = await loadIdentity(stateDir, 'web-1');
    expect(made).toMatchObject({ server: 'web-1', uid: '', clusterId: '', highestTerm: 0 });
    expect(await loadIdentity(stateDir, 'web-1')).toEqual(made);
    await saveIdentity(stateDir, { ...made, uid: 'u', clusterId: 'c', highestTerm: 2 ** 52 });
    expect(await loadIdentity(stateDir, 'web-1')).toEqual({ ...made, uid: 'u', clusterId: 'c', highestTerm: 2 ** 52 });
    expect(statSync(join(stateDir, 'instance.json')).mode & 0o077).toBe(0);
  });

  it('is not that of another server: its uid would be used for two', async () => {
    await loadIdentity(stateDir, 'web-1');
    await expect(loadIdentity(stateDir, 'web-2')).rejects.toThrow(/belongs to the server web-1, not to web-2/);
  });

  it.each(['', '{', '[]', '{"server":"web-1"}'])('that is damaged (%j) is refused, never made anew', async (text) => {
    const file = join(stateDir, 'instance.json');
    writeFileSync(file, text);
    await expect(loadIdentity(stateDir, 'web-1')).rejects.toThrow(IdentityError);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('includes the host’s, or what stands for it', () => {
    expect(hostMachineId('made-up')).toMatch(/^\S+$/);
    expect(hostBootId()).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a state directory', () => {
  const claim = (folder = stateDir) =>
    claimStateDirectory(folder, 'web-1', { warn: () => undefined, error: () => undefined });

  it('is had by one agent at a time, and names the one that has it', async () => {
    const first = await claim();
    await expect(claim()).rejects.toThrow(AgentRunningError);
    await expect(claim()).rejects.toThrow(`process ${process.pid}`);
    first.release();
    (await claim()).release();
  });

  it('is had also when the disk stalls once after it was locked', async () => {
    await loadIdentity(stateDir, 'web-1');
    const file = join(stateDir, 'instance.json');
    renameSync(file, `${file}.good`);
    // Whoever reads it waits until somebody writes.
    execFileSync('mkfifo', [file]);
    const told: string[] = [];
    const goOn = (_: unknown, text?: string): void => {
      told.push(text ?? '');
      const stalled = openSync(file, 'w');
      copyFileSync(`${file}.good`, `${file}.new`);
      renameSync(`${file}.new`, file);
      writeSync(stalled, readFileSync(file));
      closeSync(stalled);
    };
    const claimed = await claimStateDirectory(stateDir, 'web-1', { warn: () => undefined, error: goOn });
    expect(told).toEqual([expect.stringContaining('does not answer')]);
    expect(claimed).toMatchObject({ answers: true, isOnDisk: true });
    // Both locks are given up, however often the disk was tried.
    claimed.release();
    (await claim()).release();
  });

  it('is made, and made private', async () => {
    const deep = join(stateDir, 'a', 'b');
    const claimed = await claim(deep);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    claimed.release();
  });
});
