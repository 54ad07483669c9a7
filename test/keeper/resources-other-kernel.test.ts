/** Limits of resources on a kernel of its own, whose root and every cgroup are the test's, and there under a real systemd. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { boot, OTHER_KERNEL_LIMIT_MS, POWER_OFF, whyNoOtherKernel } from './other-kernel.ts';

const root = join(import.meta.dirname, '../..');
const SYSTEMD = '/lib/systemd/systemd';

function needs(ctx: TestContext, program?: string): void {
  const lacks = whyNoOtherKernel() || (program === undefined || existsSync(program) ? '' : `there is no ${program}`);
  if (lacks !== '') ctx.skip(lacks);
}

it('limits are held by a kernel whose controllers are all in cgroup v2', {
  timeout: OTHER_KERNEL_LIMIT_MS,
}, async (ctx) => {
  needs(ctx);
  const files = 'test/keeper/resources.test.ts test/e2e/resource-limits.test.ts';
  const told = await boot(`
cd ${root}
${process.execPath} node_modules/vitest/vitest.mjs run ${files} --configLoader native --no-color --maxWorkers=1
echo "ended with $?"
${POWER_OFF}
`);
  expect(told).toContain('ended with 0');
  // The one for hosts that can't hold limits.
  expect(told).toMatch(/0 failed, 1 skipped/);
});

/** The unit as it is shipped, on this checkout and a state directory in memory. */
const UNIT = readFileSync(join(root, 'deploy/systemd/locum-keeper.service'), 'utf8')
  .replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath} ${root}/bin/locum.js keeper --stay --state-dir /run/state`)
  .replace(/^StateDirectory.*\n/gm, '')
  .replace('[Unit]\n', '[Unit]\nDefaultDependencies=no\n');

/** Prints one line for each stage: `stage active 12 cpu memory pids`. */
const TRIAL = `
exec > /dev/console 2>&1
CGROUP=/sys/fs/cgroup/system.slice/locum-keeper.service
pid() { systemctl show --value -p MainPID locum-keeper; }
settled() { for i in $(seq 100); do [ -S /run/state/keeper.sock ] && [ "$(cat $CGROUP/cgroup.procs)" = "" ] && break; sleep 0.2; done; sleep 1; }
tell() { settled; echo "stage: $1 $(systemctl is-active locum-keeper) $(cat $CGROUP/cgroup.subtree_control)"; }
systemctl start locum-keeper; tell start
BASE=$(ls -d $CGROUP/locum-* | grep -v "\\.keeper$"); mkdir $BASE/job-1; sleep 1000 & echo $! > $BASE/job-1/cgroup.procs
rm /run/state/keeper.sock; kill -9 $(pid); sleep 2; tell kill
kill -0 $! 2> /dev/null && echo "stage: leftover lives" || echo "stage: leftover dead"
systemctl restart locum-keeper; tell restart
systemctl stop locum-keeper; echo "stage: stop $(systemctl is-active locum-keeper) $(ls -d $CGROUP 2>/dev/null)"
`;

it('the unit of the keeper can hold limits, and systemd starts it again after a crash with a policy in it, and when told to', {
  timeout: OTHER_KERNEL_LIMIT_MS,
}, async (ctx) => {
  needs(ctx, SYSTEMD);
  const told = await boot(`
mkdir -p /run/systemd/system /run/state
cat > /run/systemd/system/locum-keeper.service << 'END'
${UNIT}END
cat > /run/trial.sh << 'END'
${TRIAL}END
cat > /run/systemd/system/trial.service << 'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /run/trial.sh
ExecStopPost=/bin/sh -c '${POWER_OFF}'
END
exec ${SYSTEMD} --unit=trial.service --log-target=null --show-status=no
`);
  expect(told.match(/stage: .*/g)?.map((line) => line.trim())).toEqual([
    'stage: start active cpu memory pids',
    'stage: kill active cpu memory pids',
    'stage: leftover dead',
    'stage: restart active cpu memory pids',
    'stage: stop inactive',
  ]);
});
