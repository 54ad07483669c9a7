/** What the keeper reads from its host: mounts, processes, users, programs. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseUser } from '../../keeper/drivers/process/host-user.ts';
import { claimStateDirectory, KeeperRunningError } from '../../keeper/state-directory.ts';
import { cgroupPlace } from '../../shared/host/cgroup.ts';
import { parseStat, processEntry, runningProcesses, startEnvironment } from '../../shared/host/process-table.ts';

describe('the place of cgroups', () => {
  const unified = '31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw';
  const hybrid = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  ].join('\n');

  it('is found in the unified and in the hybrid layout', () => {
    expect(cgroupPlace(unified, '0::/user.slice\n')).toEqual({ mount: '/sys/fs/cgroup', own: '/user.slice' });
    const own = '9:name=systemd:/x\n1:cpu:/\n0::/\n';
    expect(cgroupPlace(hybrid, own)).toEqual({ mount: '/sys/fs/cgroup/unified', own: '/' });
  });

  it('is found under a mount of a part, and with spaces in its path', () => {
    const part = '41 31 0:38 /docker/abc /sys/fs/my\\040cgroup rw - cgroup2 cgroup2 rw';
    expect(cgroupPlace(part, '0::/docker/abc/inner\n')).toEqual({ mount: '/sys/fs/my cgroup', own: '/inner' });
    expect(cgroupPlace(part, '0::/docker/abc\n')).toEqual({ mount: '/sys/fs/my cgroup', own: '/' });
  });

  it('is nowhere without cgroup v2', () => {
    expect(cgroupPlace('32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu', '1:cpu:/\n')).toBeUndefined();
    expect(cgroupPlace('', '')).toBeUndefined();
  });
});

describe('the process table', () => {
  it('is read whatever a process calls itself', () => {
    const fields = 'S 1 7 8 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9';
    const entry = { pid: 9, parent: 1, group: 7, session: 8, startTicks: 4242, isZombie: false };
    expect(parseStat(`9 (sh) ${fields}`)).toEqual(entry);
    expect(parseStat(`9 (a) Z 1 (b) ${fields}`)).toEqual(entry);
    expect(parseStat(`9 (sh) ${fields.replace('S', 'Z')}`)).toMatchObject({ isZombie: true });
    expect(parseStat('')).toBeUndefined();
  });

  it('has this process, with the environment that it was started with', async () => {
    const own = processEntry(process.pid);
    expect(own).toMatchObject({ pid: process.pid, parent: process.ppid, isZombie: false });
    expect(runningProcesses().find(({ pid }) => pid === process.pid)).toEqual(own);
    expect((await startEnvironment(process.pid)).some((entry) => entry.startsWith('PATH='))).toBe(true);
  });
});

describe('a user', () => {
  it('is a line of seven fields', () => {
    const user = { kind: 'user', name: 'bob', uid: 7, gid: 8, home: '/home/bob', shell: '/bin/bash' };
    expect(parseUser('bob:x:7:8:Bob B.:/home/bob:/bin/bash\n')).toEqual(user);
    expect(parseUser('bob:x:7:8:::')).toEqual({ ...user, home: '/', shell: '/bin/sh' });
    for (const line of ['', 'bob', 'bob:x:::', 'bob:x:seven:8::/:']) expect(parseUser(line)).toBeUndefined();
  });
});

describe('a state directory', () => {
  it('is made private, has a name that a copy has not, and one owner at a time', async () => {
    const root = mkdtempSync(join(tmpdir(), 'locum-state-test-'));
    try {
      chmodSync(root, 0o755);
      const first = await claimStateDirectory(root);
      expect(first.key).toMatch(/^[0-9a-f]{16}$/);
      await expect(claimStateDirectory(root)).rejects.toThrow(KeeperRunningError);
      first.release();
      const again = await claimStateDirectory(root);
      expect(again.key).toBe(first.key);
      again.release();
      const copy = join(root, 'copy');
      const other = await claimStateDirectory(copy);
      other.release();
      expect(other.key).not.toBe(first.key);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
