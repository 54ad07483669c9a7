import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostBootId, hostMachineId, IdentityError, loadIdentity, saveIdentity } from '../../agent/identity.ts';
import { AgentRunningError, lockStateDirectory } from '../../agent/state-lock.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'locum-identity-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

describe('the identity of an agent', () => {
  it('is made once, and kept', () => {
    const made = loadIdentity(stateDir, 'web-1');
    expect(made).toMatchObject({ server: 'web-1', uid: '', clusterId: '', highestTerm: 0 });
    expect(loadIdentity(stateDir, 'web-1')).toEqual(made);
    saveIdentity(stateDir, { ...made, uid: 'u', clusterId: 'c', highestTerm: 2 ** 52 });
    expect(loadIdentity(stateDir, 'web-1')).toEqual({ ...made, uid: 'u', clusterId: 'c', highestTerm: 2 ** 52 });
    expect(statSync(join(stateDir, 'instance.json')).mode & 0o077).toBe(0);
  });

  it('is not that of another server: its uid would be used for two', () => {
    loadIdentity(stateDir, 'web-1');
    expect(() => loadIdentity(stateDir, 'web-2')).toThrow(/belongs to the server web-1, not to web-2/);
  });

  it.each(['', '{', '[]', '{"server":"web-1"}'])('that is damaged (%j) is refused, never made anew', (text) => {
    const file = join(stateDir, 'instance.json');
    writeFileSync(file, text);
    expect(() => loadIdentity(stateDir, 'web-1')).toThrow(IdentityError);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('includes the host’s, or what stands for it', () => {
    expect(hostMachineId('made-up')).toMatch(/^\S+$/);
    expect(hostBootId()).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the lock of a state directory', () => {
  it('is had by one agent at a time, and names the one that has it', () => {
    const lock = lockStateDirectory(stateDir);
    expect(() => lockStateDirectory(stateDir)).toThrow(AgentRunningError);
    expect(() => lockStateDirectory(stateDir)).toThrow(`process ${process.pid}`);
    lock.release();
    lockStateDirectory(stateDir).release();
  });

  it('makes the folder, and makes it private', () => {
    const deep = join(stateDir, 'a', 'b');
    const lock = lockStateDirectory(deep);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    lock.release();
  });
});
