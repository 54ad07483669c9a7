/**
 * A kernel of its own for a test (user-mode Linux, `linux.uml`): it sees the files of this host and can't change them, has cgroup v2 with all
 * controllers, and everything that it runs ends with it.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const KERNEL = process.env['LOCUM_UML'] ?? 'linux.uml';

export const OTHER_KERNEL_LIMIT_MS = 300_000;

/** Empty: it is there. */
export function whyNoOtherKernel(): string {
  return spawnSync(KERNEL, ['--version']).status === 0 ? '' : 'there is no user-mode Linux (linux.uml)';
}

/** What its folders in memory are made of before anything else. */
const MOUNTS = `
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
`;

export const POWER_OFF = 'echo o > /proc/sysrq-trigger; sleep 60';

/** Boots with this shell code as its first process, and answers with everything that it printed until it is off. */
export async function boot(code: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'locum-uml-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const init = join(folder, 'init');
  writeFileSync(init, `#!/bin/sh\n${MOUNTS}${code}`, { mode: 0o755 });
  const files = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'];
  const rest = ['mem=1536M', 'quiet', `init=${init}`, 'con=null', 'con0=null,fd:1'];
  const options = { timeout: OTHER_KERNEL_LIMIT_MS, env: { HOME: folder }, maxBuffer: 16 * 1024 * 1024 };
  return (await promisify(execFile)(KERNEL, [...files, ...rest], options)).stdout;
}
