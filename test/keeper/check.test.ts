/** Health checks that run in the place of an attempt: real processes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { gone, isRunning, sharedKeeper, type TestAgent, withRealKeepers, written } from './rig.ts';

withRealKeepers();

const LONG_MS = 20_000;

const check = (agent: TestAgent, does: string, timeoutMs = LONG_MS) =>
  agent.connection.check({
    ...{ run: agent.job, epoch: 1n, argv: ['/bin/sh', '-c', does], timeout: toDuration(timeoutMs) },
  });

describe.each(['cgroup', 'process-group'] as const)('a check of an attempt held by a %s', (containment) => {
  it('is healthy with exit code 0, and else says with which', async () => {
    const { agent } = await sharedKeeper({ containment });
    await agent.run({ does: 'exec sleep 60' });
    expect(await check(agent, 'exit 0')).toMatchObject({ ok: true });
    expect(await check(agent, 'echo secret; exit 7')).toMatchObject({
      ...{ ok: false, reason: 'FAILED', detail: 'the check ended with exit code 7' },
    });
    await agent.stop();
    await agent.end();
  });

  it('runs in the folder and with the environment of the program, in the same cgroup', async () => {
    const { rig, agent } = await sharedKeeper({ containment });
    const [program, probe] = [rig.file(), rig.file()];
    const tell = (file: string): string =>
      `{ pwd; echo "$COLOUR $LOCUM_RUN $LOCUM_EPOCH"; grep 0:: /proc/self/cgroup; } > ${file}.new; mv ${file}.new ${file}`;
    await agent.run({ does: `${tell(program)}; exec sleep 60`, env: { COLOUR: 'blue' } });
    const expected = await written(program);
    expect(await check(agent, tell(probe))).toMatchObject({ ok: true });
    expect(readFileSync(probe, 'utf8').trim()).toBe(expected);
    expect(expected).toContain(`blue ${agent.job} 1`);
    await agent.stop();
    await agent.end();
  });

  it('that hangs is killed at its time with all that it began', async () => {
    const { rig, agent } = await sharedKeeper({ containment });
    const file = rig.file();
    await agent.run({ does: 'exec sleep 60' });
    const hangs = `trap '' TERM; sleep 60 & echo $! > ${file}; wait`;
    expect(await check(agent, hangs, 500)).toMatchObject({ ok: false, reason: 'FAILED' });
    await gone(rig.track(Number(await written(file))));
    await agent.stop();
    await agent.end();
  });

  it('that prints without an end holds nobody up', async () => {
    const { agent } = await sharedKeeper({ containment });
    await agent.run({ does: 'echo own; exec sleep 60' });
    expect(await check(agent, 'head -c 50000000 /dev/zero')).toMatchObject({ ok: true });
    await agent.stop();
    await agent.end();
    expect(await agent.output()).toBe('own\n');
  });

  it('does not outlive the attempt: the end is told when both are gone', async () => {
    const { rig, agent } = await sharedKeeper({ containment });
    const [file, go] = [rig.file(), rig.file()];
    await agent.run({ does: `while [ ! -e ${go} ]; do sleep 0.01; done; exit 3` });
    const answer = check(agent, `trap '' TERM; echo $$ > ${file}; touch ${go}; while :; do sleep 60; done`);
    const pid = rig.track(Number(await written(file)));
    expect(await agent.end()).toMatchObject({ cause: EndCause.EXITED, exitCode: 3 });
    expect(isRunning(pid)).toBe(false);
    expect(await answer).toMatchObject({ ok: false });
  });

  it('is not made for what does not run', async () => {
    const { agent } = await sharedKeeper({ containment });
    expect(await check(agent, 'exit 0')).toMatchObject({ ok: false, reason: 'NOT_RUNNING' });
  });

  it('is not made beside another one of the same attempt', async () => {
    const { rig, agent } = await sharedKeeper({ containment });
    const file = rig.file();
    await agent.run({ does: 'exec sleep 60' });
    const first = check(agent, `echo begun > ${file}; while [ ! -e ${file}.go ]; do sleep 0.01; done`);
    await written(file);
    expect(await check(agent, 'exit 0')).toMatchObject({ ok: false, reason: 'TOO_MANY' });
    expect(await check(agent, 'exit 0')).toMatchObject({ ok: false, reason: 'TOO_MANY' });
    await agent.stop();
    await agent.end();
    expect(await first).toMatchObject({ ok: false });
  });
});
