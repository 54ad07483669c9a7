/**
 * Plays resources.test.ts on a kernel of its own (user-mode Linux, on the files of this host, which it can only read): there cgroup v2 has all
 * controllers, and its root and every cgroup are the test's.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '../..');
const KERNEL = process.env['LOCUM_UML'] ?? 'linux.uml';
const LIMIT_MS = 300_000;

const INIT = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /tmp; mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup
cd ${root}
${process.execPath} node_modules/vitest/vitest.mjs run test/keeper/resources.test.ts --configLoader native --no-color
echo "ended with $?"
echo o > /proc/sysrq-trigger
sleep 60
`;

it('limits are held by a kernel whose controllers are all in cgroup v2', { timeout: LIMIT_MS }, async (ctx) => {
  if (spawnSync(KERNEL, ['--version']).status !== 0) return ctx.skip('there is no user-mode Linux (linux.uml)');
  const folder = mkdtempSync(join(tmpdir(), 'locum-uml-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const init = join(folder, 'init');
  writeFileSync(init, INIT, { mode: 0o755 });
  const files = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'];
  const rest = ['mem=1024M', 'quiet', `init=${init}`, 'con=null', 'con0=null,fd:1'];
  const { stdout } = await promisify(execFile)(KERNEL, [...files, ...rest], {
    timeout: LIMIT_MS,
    env: { HOME: folder },
  });
  expect(stdout).toContain('ended with 0');
  expect(stdout).toMatch(/0 failed, 0 skipped/);
});
