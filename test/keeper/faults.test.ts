/** Agents and keepers that die, hang, come back or come twice: what becomes of the programs. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectKeeper } from '../../agent/keeper-link/client.ts';
import { KeeperUnreachableError } from '../../agent/keeper-link/find-keeper.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { readKeeperRecord, writeKeeperRecord } from '../../shared/keeper/keeper-record.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { eventually, gone, isRunning, kill, Rig, sharedKeeper, withRealKeepers } from './rig.ts';
import { deadlineIn } from './start-request.ts';

withRealKeepers();

const ignoresTerm = "trap '' TERM; while :; do sleep 60; done";
const LEASE = { leaseMs: 700, graceMs: 200 };

describe('an agent that dies', () => {
  it('by kill -9 takes nothing with it: the next agent finds the same process and extends it', async () => {
    const { rig } = await sharedKeeper();
    const { agentPid, pid } = await rig.agentProcess('held-1', { leaseMs: 10_000, graceMs: 200 }, 'exec sleep 60');
    kill(agentPid, 'SIGKILL');
    const next = await rig.attach();
    const kept = next.connection.opened.attempts.find(({ status }) => status?.run === 'held-1');
    expect(kept?.status).toMatchObject({ pid, epoch: 1n, state: AttemptState.RUNNING });
    expect(await next.extend(20_000, 'held-1')).toMatchObject({ ok: true, refused: [] });
    expect(isRunning(pid)).toBe(true);
    await next.stop('held-1');
    expect(await next.end('held-1')).toMatchObject({ cause: EndCause.STOPPED });
  });

  it('leaves exit codes and output to the next one', async () => {
    const { rig } = await sharedKeeper();
    const release = rig.file();
    const code = `echo before; while [ ! -e ${release} ]; do sleep 0.01; done; echo after; exit 9`;
    const { agentPid } = await rig.agentProcess('held-2', { leaseMs: 10_000, graceMs: 200 }, code);
    kill(agentPid, 'SIGKILL');
    await gone(agentPid);
    const next = await rig.attach();
    await next.run({ does: `echo go > ${release}` });
    expect(await next.end('held-2')).toMatchObject({ cause: EndCause.EXITED, exitCode: 9 });
    expect(await next.output('held-2')).toBe('before\nafter\n');
  });

  it('or is stopped with SIGSTOP can not keep a lease alive: the keeper kills at D + G by itself', async () => {
    const { rig } = await sharedKeeper();
    const goneAtMs = new Map<string, number>();
    for (const [signal, run] of [
      ['SIGKILL', 'held-3'],
      ['SIGSTOP', 'held-4'],
    ] as const) {
      const { agentPid, pid } = await rig.agentProcess(run, LEASE, ignoresTerm);
      kill(agentPid, signal);
      await gone(pid);
      goneAtMs.set(run, deadlineIn(0).monotonicMs);
    }
    // The process is gone a moment before the keeper has seen its tree empty.
    const open = async () => (await rig.attach()).connection.opened.attempts;
    const isOver = (attempts: Awaited<ReturnType<typeof open>>): boolean =>
      [...goneAtMs.keys()].every(
        (run) => attempts.find(({ status }) => status?.run === run)?.status?.end !== undefined,
      );
    let attempts = await open();
    while (!isOver(attempts)) attempts = await open();
    for (const [run, atMs] of goneAtMs) {
      const kept = attempts.find(({ status }) => status?.run === run);
      expect(kept?.status?.end).toMatchObject({ cause: EndCause.LAPSED, signal: 'SIGKILL' });
      // The last deadline that the agent could set, past when either clock is: the boot time ticks in 10 ms. The default guard is 5 s.
      const killAtMs = (kept?.deadline?.monotonicMs ?? Number.NaN) + LEASE.graceMs - 10;
      expect(atMs).toBeGreaterThanOrEqual(killAtMs);
      expect(atMs).toBeLessThan(killAtMs + 5_000);
    }
  });

  it('is replaced by the next one to attach, and told so', async () => {
    const { rig, agent: old } = await sharedKeeper();
    const next = await rig.attach();
    const detail = await old.event('the end of the connection', (e) => (e.kind === 'closed' ? e.detail : undefined));
    expect(detail).toContain('attached in place of this one');
    expect(await old.start({ does: 'exit 0' })).toMatchObject({ ok: false, reason: 'KEEPER_GONE' });
    expect(await old.connection.ping({ highestTerm: 0 })).toBe(false);
    expect(await next.connection.ping({ highestTerm: 0 })).toBe(true);
  });
});

describe('a keeper that dies', () => {
  it.each(['cgroup', 'process-group'] as const)(
    'by kill -9 has its leftovers (%s) killed by the next one before that serves, and reported as lost',
    async (containment) => {
      const rig = new Rig({ containment });
      const agent = await rig.agent();
      const pid = rig.track(await agent.run({ run: 'left-1', does: ignoresTerm }));
      const held = rig.track(await agent.run({ run: 'left-2', does: ignoresTerm, onDisconnect: OnDisconnect.HOLD }));
      await agent.run({ run: 'done-1', does: 'exit 8' });
      await agent.end('done-1');
      await agent.connection.ping({ highestTerm: 77 });
      await agent.stop('never-1', 5);
      kill(agent.connection.opened.keeperPid, 'SIGKILL');
      await agent.event('the end of the connection', ({ kind }) => (kind === 'closed' ? true : undefined));

      const next = await rig.agent();
      expect([isRunning(pid), isRunning(held)]).toEqual([false, false]);
      const ends = next.connection.opened.attempts.map(({ status }) => [
        status?.run,
        status?.state,
        status?.end?.cause,
      ]);
      expect(ends).toEqual([
        ['left-1', AttemptState.ENDED, EndCause.LOST],
        ['left-2', AttemptState.ENDED, EndCause.LOST],
        ['done-1', AttemptState.ENDED, EndCause.EXITED],
      ]);
      expect(next.connection.opened.highestTerm).toBe(77n);
      // Of the attempt that was stopped here before it was ever seen: it stands in no table.
      expect(next.connection.opened.highestEpoch).toBe(5n);
      for (const run of ['left-1', 'done-1']) {
        expect(await next.start({ run, does: 'exit 0' })).toMatchObject({ reason: 'EPOCH_SPENT' });
      }
      expect(await next.start({ run: 'never-1', epoch: 5, does: 'exit 0' })).toMatchObject({ reason: 'EPOCH_SPENT' });
      expect(await next.start({ run: 'left-1', epoch: 2, does: 'exit 0' })).toMatchObject({ ok: true });
    },
  );

  it('leaves a socket behind that does not keep the next one from serving', async () => {
    const rig = new Rig();
    const agent = await rig.agent();
    kill(agent.connection.opened.keeperPid, 'SIGKILL');
    await gone(agent.connection.opened.keeperPid);
    const socket = join(rig.stateDir, 'keeper.sock');
    expect(existsSync(socket)).toBe(true);
    await expect(rig.attach()).rejects.toThrow(KeeperUnreachableError);
    const next = await rig.agent();
    expect(next.connection.opened.keeperPid).not.toBe(agent.connection.opened.keeperPid);
  });
});

describe('a keeper that is stopped with SIGSTOP', () => {
  it('acts on an expired deadline before it looks at what arrived meanwhile', async () => {
    const rig = new Rig();
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = await agent.run({ does: ignoresTerm, deadlineMs: 400, stopTimeoutMs: 100 });
    kill(keeperPid, 'SIGSTOP');
    const extending = agent.extend(60_000);
    const until = deadlineIn(700).monotonicMs;
    await eventually('D + G to be over', () => (deadlineIn(0).monotonicMs > until ? true : undefined));
    expect(isRunning(pid)).toBe(true);
    kill(keeperPid, 'SIGCONT');
    expect(await extending).toMatchObject({ ok: true, refused: [{ run: agent.job, epoch: 1n }] });
    expect(await agent.end()).toMatchObject({ cause: EndCause.LAPSED, signal: 'SIGKILL' });
  });

  it('and is found by a new agent is killed, and what it held with it', async () => {
    const rig = new Rig();
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = rig.track(await agent.run({ run: 'hung-1', does: ignoresTerm }));
    kill(keeperPid, 'SIGSTOP');
    const next = await rig.agent({ timeoutMs: 2_000 });
    expect(next.connection.opened.keeperPid).not.toBe(keeperPid);
    expect([isRunning(keeperPid), isRunning(pid)]).toEqual([false, false]);
    const [kept] = next.connection.opened.attempts;
    expect(kept?.status).toMatchObject({ run: 'hung-1', state: AttemptState.ENDED, end: { cause: EndCause.LOST } });
  });

  it('is killed also where memory had no room for its record and has that of a dead one', async () => {
    const rig = new Rig();
    const { keeperPid } = (await rig.agent()).connection.opened;
    const memory = openRuntimeFolder(rig.stateDir);
    const record = readKeeperRecord(memory);
    if (record !== undefined) writeKeeperRecord(memory, { ...record, startTicks: record.startTicks - 1 });
    kill(keeperPid, 'SIGSTOP');
    const next = await rig.agent({ timeoutMs: 2_000 });
    expect(next.connection.opened.keeperPid).not.toBe(keeperPid);
    expect(isRunning(keeperPid)).toBe(false);
  });
});

describe('a second keeper', () => {
  it('on the same state directory is refused and names the first, which goes on', async () => {
    const rig = new Rig();
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = await agent.run({ does: 'exec sleep 60' });
    const second = rig.spawnAnother();
    await gone(second);
    expect(rig.log()).toContain(`(process ${keeperPid})`);
    expect(await agent.connection.ping({ highestTerm: 0 })).toBe(true);
    expect(isRunning(pid)).toBe(true);
    await agent.stop();
    await agent.end();
  });
});

describe('a host shutdown', () => {
  it('is told to the agent, which drains and lets the keeper go', async () => {
    const rig = new Rig({ leaveWithinMs: 10_000 });
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = await agent.run({ does: 'exec sleep 60' });
    kill(keeperPid, 'SIGTERM');
    const withinMs = await agent.event('the shutdown', (e) => (e.kind === 'leaving' ? e.withinMs : undefined));
    expect(withinMs).toBeGreaterThan(5_000);
    expect(isRunning(pid)).toBe(true);
    expect(await agent.start({ run: 'late-2', does: 'exit 0' })).toMatchObject({ ok: false, reason: 'LEAVING' });
    await agent.stop();
    await agent.end();
    expect(isRunning(keeperPid)).toBe(true);
    expect(await agent.connection.exit({ stopAll: true })).toMatchObject({ ok: true });
    await gone(keeperPid);
    expect(readdirSync(rig.stateDir)).not.toContain('keeper.sock');
  });

  it('stops what lives when the agent does not drain in time', async () => {
    const rig = new Rig({ leaveWithinMs: 200 });
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = await agent.run({ does: ignoresTerm, stopTimeoutMs: 100 });
    kill(keeperPid, 'SIGTERM');
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED, detail: 'the host shuts down' });
    await gone(keeperPid);
    expect(isRunning(pid)).toBe(false);
  });

  it('waits for no agent where there is none', async () => {
    const rig = new Rig({ leaveWithinMs: 60_000, idleMs: 60_000 });
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const pid = await agent.run({ does: 'exec sleep 60' });
    agent.connection.close();
    await eventually('the keeper to notice', () => (rig.log().includes('the agent is gone') ? true : undefined));
    kill(keeperPid, 'SIGTERM');
    await gone(keeperPid);
    expect(isRunning(pid)).toBe(false);
  });
});

describe('a keeper that nobody needs', () => {
  it('ends by itself, and the ends that it knew are there for the next one', async () => {
    const rig = new Rig({ idleMs: 500 });
    const agent = await rig.agent();
    await agent.run({ does: 'exit 3' });
    await agent.end();
    agent.connection.close();
    await gone(agent.connection.opened.keeperPid);
    const next = await rig.agent();
    const [kept] = next.connection.opened.attempts;
    expect(kept?.status).toMatchObject({ run: agent.job, state: AttemptState.ENDED, end: { exitCode: 3 } });
  });

  it('stays while something lives, without an agent, and ends when that has ended', async () => {
    const rig = new Rig({ idleMs: 500 });
    const agent = await rig.agent();
    const { keeperPid } = agent.connection.opened;
    const [ticks, release] = [rig.file(), rig.file()];
    const pid = await agent.run({ does: `while [ ! -e ${release} ]; do sleep 0.05; echo >> ${ticks}; done` });
    agent.connection.close();
    await eventually('the keeper to notice', () => (rig.log().includes('the agent is gone') ? true : undefined));
    const seen = statSync(ticks, { throwIfNoEntry: false })?.size ?? 0;
    // Several times as long as an idle keeper would have stayed.
    await eventually('many ticks', () =>
      (statSync(ticks, { throwIfNoEntry: false })?.size ?? 0) > seen + 15 ? true : undefined,
    );
    expect([isRunning(keeperPid), isRunning(pid)]).toEqual([true, true]);
    writeFileSync(release, '');
    await gone(keeperPid);
  });

  it('is asked to end by its agent, which stops what lives', async () => {
    const rig = new Rig();
    const agent = await rig.agent();
    const pid = await agent.run({ does: 'exec sleep 60' });
    await agent.connection.exit({ stopAll: true });
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED, detail: 'the agent leaves' });
    await gone(agent.connection.opened.keeperPid);
    expect(isRunning(pid)).toBe(false);
  });
});

describe('a state directory', () => {
  it('can be entered by its user only', async () => {
    const { rig } = await sharedKeeper();
    expect(statSync(rig.stateDir).mode & 0o777).toBe(0o700);
  });

  it('that is too deep for a socket has it elsewhere, in a private folder', async () => {
    const rig = new Rig({}, { deep: true });
    const agent = await rig.agent();
    expect(await agent.start({ does: 'exit 0' })).toMatchObject({ ok: true });
    expect(rig.log()).toContain('too long for a socket');
    await agent.end();
    await agent.connection.exit({ stopAll: true });
    await gone(agent.connection.opened.keeperPid);
    await expect(
      connectKeeper({ stateDir: rig.stateDir, agentVersion: 'test', tell: () => undefined }),
    ).rejects.toThrow(KeeperUnreachableError);
  });
});
