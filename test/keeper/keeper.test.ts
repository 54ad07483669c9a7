/** A keeper and the programs that it runs: real processes, one agent. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import {
  eventually,
  isRunning,
  isStopped,
  kill,
  sharedKeeper,
  type TestAgent,
  withRealKeepers,
  written,
} from './rig.ts';
import { deadlineIn, startRequest } from './start-request.ts';

withRealKeepers();

describe('an attempt that ends by itself', () => {
  it('is ended with its exit code', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'exit 7' });
    expect(await agent.end()).toMatchObject({ cause: EndCause.EXITED, exitCode: 7, signal: '' });
  });

  it('is ended with the signal that killed it', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'kill -9 $$' });
    const end = await agent.end();
    expect(end).toMatchObject({ cause: EndCause.EXITED, signal: 'SIGKILL' });
    expect(end.exitCode).toBeUndefined();
  });

  it('is not ended before what it left running is gone, which gets the same grace', async () => {
    const { rig, agent } = await sharedKeeper();
    const file = rig.file();
    const child = `(trap '' TERM; sh -c 'echo $PPID' > ${file}; while :; do sleep 60; done)`;
    await agent.run({ does: `${child} & while [ ! -s ${file} ]; do sleep 0.01; done; exit 3`, stopTimeoutMs: 150 });
    const pid = rig.track(Number(await written(file)));
    expect(await agent.end()).toMatchObject({ cause: EndCause.EXITED, exitCode: 3 });
    expect(isRunning(pid)).toBe(false);
  });

  it('is listed until it is forgotten', async () => {
    const { rig, agent } = await sharedKeeper();
    const states = ({ connection }: TestAgent) =>
      connection.opened.attempts.filter(({ status }) => status?.run === agent.job).map(({ status }) => status?.state);
    await agent.run({ does: 'exit 0' });
    await agent.end();
    const second = await rig.attach();
    expect(states(second)).toEqual([AttemptState.ENDED]);
    expect(await second.forget(agent.job)).toMatchObject({ ok: true });
    expect(states(await rig.attach())).toEqual([]);
  });

  it('is not forgotten while it lives', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'exec sleep 60' });
    expect(await agent.forget()).toMatchObject({ ok: false, reason: 'NOT_ENDED' });
    await agent.stop();
    await agent.end();
  });
});

describe('a stop', () => {
  it('lets a program end by itself and keeps its exit code', async () => {
    const { rig, agent } = await sharedKeeper();
    const ready = rig.file();
    await agent.run({
      does: `trap 'exit 5' TERM; echo ready > ${ready}; while :; do sleep 0.01; done`,
      stopTimeoutMs: 10_000,
    });
    await written(ready);
    expect(await agent.stop()).toMatchObject({ ok: true });
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED, exitCode: 5, detail: 'the test says so' });
  });

  it('kills a program that ignores SIGTERM after its grace, and not before', async () => {
    const { rig, agent } = await sharedKeeper();
    const ready = rig.file();
    const pid = await agent.run({
      does: `trap '' TERM; echo ready > ${ready}; while :; do sleep 60; done`,
      stopTimeoutMs: 300,
    });
    await written(ready);
    const began = performance.now();
    await agent.stop();
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED, signal: 'SIGKILL' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
    expect(isRunning(pid)).toBe(false);
  });

  it('is heard by a program that is stopped with SIGSTOP', async () => {
    const { rig, agent } = await sharedKeeper();
    const ready = rig.file();
    const pid = await agent.run({
      does: `trap 'exit 6' TERM; echo ready > ${ready}; while :; do sleep 0.01; done`,
      stopTimeoutMs: 10_000,
    });
    await written(ready);
    process.kill(pid, 'SIGSTOP');
    await agent.stop();
    expect(await agent.end()).toMatchObject({ exitCode: 6 });
  });

  it('reports an end judged by the agent as lapsed', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'exec sleep 60' });
    await agent.connection.stop({ run: agent.job, epoch: 1n, cause: EndCause.LAPSED, reason: 'paused' });
    expect(await agent.end()).toMatchObject({ cause: EndCause.LAPSED, detail: 'paused', signal: 'SIGTERM' });
  });

  it('of an attempt that is not here spends its epoch, so that a late start is refused', async () => {
    const { rig, agent } = await sharedKeeper();
    const witness = rig.file();
    expect(await agent.stop(agent.job, 5)).toMatchObject({ ok: false, reason: 'NOT_FOUND' });
    expect(await agent.start({ epoch: 5, does: `echo ran > ${witness}` })).toMatchObject({ reason: 'EPOCH_SPENT' });
    expect(await agent.start({ epoch: 6, does: 'exit 0' })).toMatchObject({ ok: true });
    expect(existsSync(witness)).toBe(false);
  });

  it('that comes with its start ends the attempt before anything of it ran', async () => {
    const { rig, agent } = await sharedKeeper();
    const witness = rig.file();
    // A keeper that is stopped reads nothing, and then both at once.
    kill(agent.connection.opened.keeperPid, 'SIGSTOP');
    const starting = agent.start({ does: `echo ran > ${witness}` });
    const stopping = agent.stop();
    await eventually('both to be on their way', () =>
      isStopped(agent.connection.opened.keeperPid) ? true : undefined,
    );
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    kill(agent.connection.opened.keeperPid, 'SIGCONT');
    expect(await starting).toMatchObject({ ok: false, reason: 'STOPPED' });
    expect(await stopping).toMatchObject({ ok: true });
    const end = await agent.end();
    expect(end).toMatchObject({ cause: EndCause.STOPPED, signal: '' });
    expect(end.exitCode).toBeUndefined();
    expect(existsSync(witness)).toBe(false);
  });
});

describe('a start', () => {
  it('runs no epoch twice, nor a lower one, whatever became of the first', async () => {
    const { agent } = await sharedKeeper();
    expect(await agent.start({ epoch: 8, does: ['no-such-program'] })).toMatchObject({ reason: 'PROGRAM_NOT_FOUND' });
    expect(await agent.start({ epoch: 8, does: 'exit 0' })).toMatchObject({ reason: 'EPOCH_SPENT' });
    expect(await agent.start({ epoch: 7, does: 'exit 0' })).toMatchObject({ reason: 'EPOCH_SPENT' });
    expect(await agent.start({ epoch: 7, run: `${agent.job}-b`, does: 'exit 0' })).toMatchObject({ ok: true });
  });

  it('names a program that is missing, and reports the attempt as never run', async () => {
    const { agent } = await sharedKeeper();
    const result = await agent.start({ does: ['no-such-program'] });
    expect(result).toMatchObject({ ok: false, reason: 'PROGRAM_NOT_FOUND' });
    expect(result.detail).toContain('"no-such-program"');
    expect(await agent.end()).toMatchObject({ cause: EndCause.SPAWN_FAILED });
  });

  it('names a program that is not executable', async () => {
    const { agent } = await sharedKeeper();
    expect(await agent.start({ does: ['/etc/passwd'] })).toMatchObject({ reason: 'PROGRAM_NOT_EXECUTABLE' });
    expect(await agent.start({ does: ['/etc'], epoch: 2 })).toMatchObject({ reason: 'PROGRAM_NOT_EXECUTABLE' });
  });

  it('names a working directory and a user that are missing', async () => {
    const { agent } = await sharedKeeper();
    const folder = await agent.start({ does: 'exit 0', workingDirectory: '/no/such/folder' });
    expect(folder).toMatchObject({ reason: 'WORKING_DIRECTORY_NOT_FOUND' });
    const user = await agent.start({ does: 'exit 0', epoch: 2, user: 'nobody-of-this-name' });
    expect(user).toMatchObject({ reason: 'USER_NOT_FOUND' });
  });

  it('refuses what is no start', async () => {
    const { agent } = await sharedKeeper();
    const [run, epoch] = [agent.job, 1n];
    for (const bad of [
      { run: '../up', epoch, deadline: deadlineIn(1_000) },
      { run: '', epoch, deadline: deadlineIn(1_000) },
      { run, epoch: 0n, deadline: deadlineIn(1_000) },
      { run, epoch, deadline: { monotonicMs: Number.NaN, bootMs: 0 } },
      { run, epoch },
      { run, epoch, deadline: deadlineIn(1_000), command: {} },
    ]) {
      expect(await agent.connection.start(bad)).toMatchObject({ ok: false, reason: 'INVALID_REQUEST' });
    }
  });

  it('refuses a kind of workload that it does not know, and takes the arguments of the run for no program', async () => {
    const { rig, agent } = await sharedKeeper();
    const witness = rig.file();
    const command = { workload: {}, arguments: ['/bin/sh', '-c', `echo ran > ${witness}`] };
    const start = { run: agent.job, epoch: 1n, deadline: deadlineIn(10_000), command };
    expect(await agent.connection.start(start)).toMatchObject({ ok: false, reason: 'INVALID_REQUEST' });
    expect(existsSync(witness)).toBe(false);
  });

  it('whose deadline is past never runs, not even for HOLD', async () => {
    const { rig, agent } = await sharedKeeper();
    const witness = rig.file();
    for (const [epoch, onDisconnect] of [OnDisconnect.STOP, OnDisconnect.HOLD, OnDisconnect.OVERLAP].entries()) {
      const late = { epoch: epoch + 1, onDisconnect, deadlineMs: -1, does: `echo ran > ${witness}` };
      expect(await agent.start(late)).toMatchObject({ ok: false, reason: 'DEADLINE_PAST' });
      expect(await agent.end(agent.job, epoch + 1)).toMatchObject({ cause: EndCause.REFUSED });
    }
    expect(existsSync(witness)).toBe(false);
  });

  it('whose deadline is past on boot time alone never runs', async () => {
    const { agent } = await sharedKeeper();
    const start = startRequest(agent.job, { does: 'exit 0' });
    if (start.deadline !== undefined) start.deadline.bootMs = deadlineIn(-1).bootMs;
    expect(await agent.connection.start(start)).toMatchObject({ ok: false, reason: 'DEADLINE_PAST' });
  });
});

describe('a workload', () => {
  it('gets its environment: base, then its own, then ours, and nothing of the keeper', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({
      does: 'env',
      baseEnv: { BASE: 'base', BOTH: 'base', LOCUM_RUN: 'wrong' },
      env: { BOTH: 'own', go: 'mine' },
    });
    await agent.end();
    const lines = (await agent.output()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'BASE=base',
        'BOTH=own',
        'go=mine',
        'LOCUM_POLICY=job',
        `LOCUM_RUN=${agent.job}`,
        'LOCUM_EPOCH=1',
      ]),
    );
    expect(lines.filter((line) => /^(HOME|LOCUM_GATE|VITEST|NODE_\w+)=/.test(line))).toEqual([]);
  });

  it('starts in a fresh folder of its own, which goes when the attempt is forgotten', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'pwd; touch mine' });
    await agent.end();
    const folder = (await agent.output()).trim();
    expect(statSync(`${folder}/mine`).isFile()).toBe(true);
    await agent.forget();
    await expect.poll(() => existsSync(folder)).toBe(false);
    expect(await agent.output()).toContain(folder);
  });

  it('is a script in any interpreter, with the arguments of the run', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({
      interpreter: [process.execPath],
      does: 'console.log(process.argv.slice(2).join("+"))',
      arguments: ['a b', 'c'],
    });
    await agent.end();
    expect(await agent.output()).toBe('a b+c\n');
    await agent.run({ epoch: 2, interpreter: [], does: 'echo "$1"; exit 4', arguments: ['by the shell'] });
    expect(await agent.end(agent.job, 2)).toMatchObject({ exitCode: 4 });
    expect(await agent.output(agent.job, 2)).toBe('by the shell\n');
  });

  it('gets its arguments as they are: no shell looks at them', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: ['printf', '%s|', '$HOME', '`id`', "a'b", 'two  spaces'], arguments: ['*', '-n'] });
    await agent.end();
    expect(await agent.output()).toBe("$HOME|`id`|a'b|two  spaces|*|-n|");
  });

  it('runs as another user, who can write its folder and read its script', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can run a program as another user');
    if (!/^daemon:/m.test(readFileSync('/etc/passwd', 'utf8'))) ctx.skip('this host has no user "daemon"');
    const { agent } = await sharedKeeper();
    await agent.run({ user: 'daemon', interpreter: ['/bin/sh'], does: 'id -un; touch mine && cat "$0"; echo $USER' });
    expect(await agent.end()).toMatchObject({ exitCode: 0 });
    expect(await agent.output()).toMatch(/^daemon\nid -un;[^\n]*\n?daemon\n$/);
    await agent.forget();
  });

  it('can open its standard output and standard error again', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'echo one > /dev/stderr; echo two >> /dev/stdout' });
    await agent.end();
    expect(await agent.output()).toBe('one\ntwo\n');
  });

  it('inherits no descriptor of the keeper but its three', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: ['ls', '/proc/self/fd'] });
    await agent.end();
    // Whoever started all of this may have left descriptors open for everybody.
    const inherited = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout;
    expect((await agent.output()).split('\n').sort()).toEqual(inherited.split('\n').sort());
  });
});
