/** What an attempt may take of its host: real cgroups with real controllers, where they are to be had. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { connectKeeper } from '../../agent/keeper-link/client.ts';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { findCgroupPlace } from '../../shared/host/cgroup.ts';
import { readKernelFile, writeKernelFile } from '../../shared/host/kernel-file.ts';
import { eventually, sharedKeeper, withRealKeepers } from './rig.ts';

withRealKeepers();

/** Skips where the kernel gives no such controller to the cgroups of attempts. */
async function keeperThatHolds(ctx: TestContext, controller: string) {
  const found = await sharedKeeper({});
  const { features } = found.agent.connection.opened;
  if (!features.includes(`resources.${controller}`))
    return ctx.skip(`cgroup v2 has no ${controller} controller here (or it is not ours to hand down)`);
  return found;
}

/** A file of the cgroup of an attempt that runs. */
function cgroupFile(pid: number, name: string): string {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
  return readFileSync(join(findCgroupPlace()?.mount ?? '', path, name), 'utf8').trim();
}

/** A cgroup that has all controllers and nobody in it. Undefined: it can't be made here. */
function delegatedCgroup(): string | undefined {
  const place = findCgroupPlace();
  if (place === undefined || place.own !== '/') return undefined;
  const offered = readKernelFile(join(place.mount, 'cgroup.controllers')).trim().split(' ');
  const wanted = ['memory', 'cpu', 'pids'];
  if (!wanted.every((one) => offered.includes(one))) return undefined;
  writeKernelFile(join(place.mount, 'cgroup.subtree_control'), wanted.map((one) => `+${one}`).join(' '));
  const unit = join(place.mount, `locum-test-${randomUUID()}`);
  mkdirSync(unit);
  return unit;
}

function attemptTo(act: () => void): true | undefined {
  try {
    act();
    return true;
  } catch {
    return undefined;
  }
}

describe('an attempt with a limit of memory', () => {
  it('that needs more is killed as a whole, and its end says why', async (ctx) => {
    const { agent } = await keeperThatHolds(ctx, 'memory');
    // The shell waits for the one that is greedy: it has to go, too.
    await agent.run({ does: 'dd if=/dev/zero of=/dev/null bs=200M count=1; sleep 600', resources: { memory: '32Mi' } });
    const end = await agent.end();
    expect(end).toMatchObject({ cause: EndCause.OUT_OF_MEMORY, signal: 'SIGKILL' });
    expect(end.detail).toMatch(
      /^it needed more memory than its limit of 32Mi, so the kernel killed \d+ process(es)? of it$/,
    );
  });

  it('that needs less runs and ends as ever, and nothing of it is swapped', async (ctx) => {
    const { agent } = await keeperThatHolds(ctx, 'memory');
    const pid = await agent.run({ does: 'sleep 600', resources: { memory: '64Mi' } });
    expect(cgroupFile(pid, 'memory.max')).toBe(String(64 * 1024 ** 2));
    expect(cgroupFile(pid, 'memory.oom.group')).toBe('1');
    await agent.stop();
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED });
  });
});

describe('an attempt with a limit of processor time', () => {
  it('is held back when it wants more', async (ctx) => {
    const { agent, rig } = await keeperThatHolds(ctx, 'cpu');
    const pid = await agent.run({ does: 'while :; do :; done', resources: { cpu: 0.25 } });
    rig.track(pid);
    expect(cgroupFile(pid, 'cpu.max')).toBe('25000 100000');
    await expect.poll(() => cgroupFile(pid, 'cpu.stat'), { timeout: 20_000 }).toMatch(/^nr_throttled [1-9]/m);
    await agent.stop();
    await agent.end();
  });
});

describe('an attempt with a limit of processes', () => {
  it('can fork up to it, and no further', async (ctx) => {
    const { agent } = await keeperThatHolds(ctx, 'pids');
    const does = 'sleep 600 & sleep 600 & sleep 600 & (exec sleep 0) || echo no more; kill %1 %2 %3';
    await agent.run({ does, resources: { pids: 4 } });
    await agent.end();
    expect(await agent.output()).toMatch(/fork|no more/i);
  });
});

describe('a keeper', () => {
  it('that can not hold a limit refuses the start, and says which', async () => {
    // A process group holds none.
    const { agent } = await sharedKeeper({ containment: 'process-group' });
    expect(agent.connection.opened.features).toEqual(['env_from']);
    const resources = { memory: '64Mi', pids: 10 };
    expect(await agent.start({ does: 'exit 0', resources })).toMatchObject({
      ...{ ok: false, reason: 'LIMITS_UNAVAILABLE', detail: "this keeper can't hold limits of memory, pids" },
    });
  });
});

describe('a keeper that is alone in its cgroup, as under a service manager that delegates it', () => {
  it('steps aside, so that limits can be held, and comes back when it ends', async (ctx) => {
    const unit = delegatedCgroup();
    if (unit === undefined) return ctx.skip('cgroup v2 has no controllers to delegate here');
    const stateDir = mkdtempSync(join(tmpdir(), 'locum-delegated-'));
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
    const argv = [process.execPath, join(import.meta.dirname, 'run-keeper.ts'), '--state-dir', stateDir];
    const enter = `echo $$ > ${unit}/cgroup.procs && exec "$@"`;
    const keeper = spawn('/bin/sh', ['-c', enter, 'sh', ...argv], { stdio: ['ignore', 'inherit', 'inherit'] });
    const ended = once(keeper, 'exit');
    try {
      const connection = await eventually('the keeper', () =>
        connectKeeper({ stateDir, agentVersion: 'test', tell: () => undefined }).catch(() => undefined),
      );
      const features = ['env_from', 'resources.memory', 'resources.cpu', 'resources.pids'];
      expect(connection.opened.features).toEqual(features);
      expect(readFileSync(join(unit, 'cgroup.procs'), 'utf8')).toBe('');
      connection.close();
    } finally {
      keeper.kill('SIGTERM');
      await ended;
    }
    expect(readFileSync(join(unit, 'cgroup.subtree_control'), 'utf8').trim()).toBe('');
    // Nothing is left in it; the process itself may take a moment.
    await eventually('an empty cgroup', () => attemptTo(() => rmdirSync(unit)));
  });
});
