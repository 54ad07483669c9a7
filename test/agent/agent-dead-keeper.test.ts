/** Real keepers that die or hang under their agent (semantics A9). */
import { describe, expect, it } from 'vitest';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { isAlive, signal, until } from './agent-host.ts';
import { agentHost, LONG, SLEEPER, startSleeper } from './agent-rig.ts';

describe('A9: a keeper', { timeout: 60_000 }, () => {
  it('that is killed takes its runs with it: they are killed, reported as lost, and a new keeper takes new ones', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, LONG);
    const dead = host.keeperPid;
    signal(dead, 'SIGKILL');
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.LOST);
    expect(isAlive(pid)).toBe(false);
    await until(() => host.newest.log().split('connected to the keeper').length === 3, 'a second keeper');
    expect(host.keeperPid).not.toBe(dead);
    session.start(SLEEPER, { run: 'other-2', epoch: 8n });
    const running = await session.attempt(AttemptState.RUNNING, 'other-2');
    expect(isAlive(running.pid)).toBe(true);
  });

  it('that is stopped for 2 s is killed with its runs, long before their lease ends', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, LONG);
    const stopped = host.keeperPid;
    signal(stopped, 'SIGSTOP');
    await until(() => !isAlive(pid), 'the run to be killed');
    expect(isAlive(stopped)).toBe(false);
    const ended = await session.attempt(AttemptState.ENDED);
    expect([EndCause.LOST, EndCause.LAPSED]).toContain(ended.end?.cause);
  });

  it('that does not answer a new agent is killed with what it keeps, before the Hello', async () => {
    const { host, controller } = await agentHost();
    const first = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, { onDisconnect: OnDisconnect.HOLD });
    first.child.kill('SIGKILL');
    await first.exited;
    const stopped = host.keeperPid;
    signal(stopped, 'SIGSTOP');
    host.startAgent([controller.endpoint]);
    const next = await controller.session(1);
    expect(isAlive(stopped)).toBe(false);
    expect(isAlive(pid)).toBe(false);
    expect(next.inventory).toMatchObject([{ run: 'import-1', state: AttemptState.ENDED }]);
  });
});
