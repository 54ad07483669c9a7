/** Real keepers on a disk that is frozen or full: what runs is kept or ended in time, what is new is refused for the disk's reason. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { KeeperEvent } from '../../agent/keeper-link/client.ts';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { eventually, gone, isRunning, Rig, type TestAgent, withRealKeepers } from './rig.ts';

withRealKeepers();

const folder = mkdtempSync(join(tmpdir(), 'locum-sick-disk-'));
const disk = join(folder, 'mnt');
const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });
/** Why there is no such disk here. Undefined: there is one. */
let missing: string | undefined;
let isFrozen = false;

beforeAll(() => {
  try {
    mkdirSync(disk);
    run('truncate', '-s', '32M', join(folder, 'image'));
    run('mkfs.ext4', '-q', '-m', '0', join(folder, 'image'));
    run('mount', '-o', 'loop', join(folder, 'image'), disk);
  } catch (error) {
    missing = `this user or machine can't mount a disk of its own: ${String(error)}`;
  }
});

const freeze = (): void => {
  run('fsfreeze', '-f', disk);
  isFrozen = true;
};
const thaw = (): void => {
  if (isFrozen) run('fsfreeze', '-u', disk);
  isFrozen = false;
};
// Registered after the rig's own, so it comes before it: nothing can be tidied on a frozen disk.
afterEach(thaw);
afterAll(() => {
  if (missing === undefined) run('umount', '-l', disk);
  rmSync(folder, { recursive: true, force: true });
});

async function keeperOnDisk(ctx: TestContext): Promise<{ readonly rig: Rig; readonly agent: TestAgent }> {
  if (missing !== undefined) ctx.skip(missing);
  const rig = new Rig({}, { below: disk });
  return { rig, agent: await rig.agent() };
}

/** Noise, so that output waits for the disk; and traces on another one. */
const noisy = (witness: string): string =>
  `trap '' TERM; while :; do echo tick; date +%s%N > ${witness}; sleep 0.02; done`;

const problems = (kind: string) => (event: KeeperEvent) =>
  event.kind === 'host_problems' && event.problems.some((problem) => problem.kind === kind) ? true : undefined;
const noProblems = (agent: TestAgent) => (event: KeeperEvent) => {
  const last = agent.events.findLast(({ kind }) => kind === 'host_problems');
  return event === last && event.kind === 'host_problems' && event.problems.length === 0 ? true : undefined;
};

describe('on a frozen disk a keeper', () => {
  it('kills what is past its deadline, answers pings, and refuses starts until the thaw', async (ctx) => {
    const { agent } = await keeperOnDisk(ctx);
    const witness = join(folder, 'witness');
    const pids = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) =>
        agent.run({ run: `noise-${n}`, does: noisy(witness), deadlineMs: 4_000, stopTimeoutMs: 300 }),
      ),
    );
    freeze();
    // The deadline and its grace pass while nothing of the disk answers.
    await Promise.all(pids.map(gone));
    for (const n of [1, 2, 3, 4, 5, 6]) expect(await agent.end(`noise-${n}`)).toMatchObject({ cause: EndCause.LAPSED });
    expect(await agent.connection.ping({ highestTerm: 1 })).toBe(true);
    expect(await agent.start({ run: 'late', does: 'exit 0' })).toMatchObject({ ok: false, reason: 'IO_ERROR' });
    await agent.event('the problem', problems('IO_ERROR'));
    thaw();
    await agent.event('the end of the problem', noProblems(agent));
    expect(await agent.start({ run: 'late', epoch: 2, does: 'exit 0' })).toMatchObject({ ok: true });
  });
});

describe('on a full disk a keeper', () => {
  const fill = (): void => {
    const fd = openSync(join(disk, 'filler'), 'w');
    try {
      for (const size of [65_536, 512]) {
        try {
          for (;;) if (writeSync(fd, Buffer.alloc(size)) < size) break;
        } catch {
          // Full, to the last block of this size.
        }
      }
    } finally {
      closeSync(fd);
    }
  };

  it('keeps what runs, refuses starts for NO_SPACE, and takes them again when there is space', async (ctx) => {
    const { rig, agent } = await keeperOnDisk(ctx);
    const pid = await agent.run({ run: 'healthy', does: noisy(join(folder, 'witness')), deadlineMs: 60_000 });
    fill();
    expect(await agent.start({ run: 'more', does: 'exit 0' })).toMatchObject({ ok: false, reason: 'NO_SPACE' });
    await agent.event('the problem', problems('NO_SPACE'));
    expect(await agent.connection.ping({ highestTerm: 7 })).toBe(true);
    expect(isRunning(pid)).toBe(true);
    // Another agent finds it all the same, and the keeper goes on.
    const next = await rig.attach();
    expect(next.connection.opened.attempts.find(({ status }) => status?.run === 'healthy')?.status?.pid).toBe(pid);
    rmSync(join(disk, 'filler'));
    await next.event('the end of the problem', noProblems(next));
    expect(await next.start({ run: 'more', epoch: 2, does: 'exit 0' })).toMatchObject({ ok: true });
    expect(isRunning(pid)).toBe(true);
    const output = await eventually('output that says what was lost', async () => {
      const read = await next.connection.read({ run: 'healthy', epoch: 1n, offset: -200n, limit: 200 });
      const text = Buffer.from(read.data).toString();
      return text.includes('tick') ? text : undefined;
    });
    expect(output).toContain('tick');
    await next.stop('healthy');
    await gone(pid);
  });

  it('that was killed is followed by one that serves', async (ctx) => {
    const { rig, agent } = await keeperOnDisk(ctx);
    const pid = await agent.run({ run: 'left', does: noisy(join(folder, 'witness')), deadlineMs: 60_000 });
    fill();
    process.kill(agent.connection.opened.keeperPid, 'SIGKILL');
    const next = await rig.agent();
    expect(isRunning(pid)).toBe(false);
    expect(await next.start({ run: 'left', does: 'exit 0' })).toMatchObject({ ok: false, reason: 'EPOCH_SPENT' });
    rmSync(join(disk, 'filler'));
  });
});
