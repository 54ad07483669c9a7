import { describe, expect, it } from 'vitest';
import { askAgentStatus, askAgentToLeave } from '../../agent/local-client.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { isAlive, signal, until } from './agent-host.ts';
import { agentHost, LONG, startSleeper } from './agent-rig.ts';
import { TERM } from './fake-controller.ts';

describe('an agent that ends', { timeout: 60_000 }, () => {
  it('by SIGTERM leaves its runs to the keeper, says no Goodbye, and the next one carries on with the same process', async () => {
    const { host, controller } = await agentHost();
    const first = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, LONG);
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    await session.whenEnded();
    expect(session.said.goodbye).toEqual([]);
    host.startAgent([controller.endpoint]);
    const next = await controller.session(1);
    expect(next.hello).toMatchObject({ instanceId: session.hello.instanceId, uid: 'server-uid' });
    expect(next.inventory).toMatchObject([{ run: 'import-1', epoch: 7n, state: AttemptState.RUNNING, pid }]);
    await next.heard('heartbeat', ({ sequence }) => sequence > 3n);
    expect(isAlive(pid)).toBe(true);
  });

  it('by SIGKILL is replaced by one that adopts the same process', async () => {
    const { host, controller } = await agentHost();
    const first = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, LONG);
    first.child.kill('SIGKILL');
    await first.exited;
    host.startAgent([controller.endpoint]);
    const next = await controller.session(1);
    expect(next.inventory).toMatchObject([{ run: 'import-1', epoch: 7n, state: AttemptState.RUNNING, pid }]);
    expect(isAlive(pid)).toBe(true);
  });

  it('by `leave` stops what it runs, says Goodbye with what is proven ended, and ends its keeper too', async () => {
    const { host, controller } = await agentHost();
    const agent = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, LONG);
    expect(await askAgentStatus(host.stateDir)).toMatchObject({
      server: 'host-1',
      keeper: 'live',
      attempts: [{ status: { run: 'import-1', state: 'RUNNING', pid } }],
    });
    expect(await askAgentToLeave(host.stateDir, { withinMs: 10_000 })).toBe('the agent has left');
    expect(await agent.exited).toBe(0);
    expect(isAlive(pid)).toBe(false);
    const goodbye = await session.heard('goodbye');
    expect(goodbye).toMatchObject({ reason: 'LEAVE', attempts: [{ run: 'import-1', state: AttemptState.ENDED }] });
    expect(goodbye.attempts[0]?.end?.cause).toBe(EndCause.LAPSED);
    expect(session.said.heartbeat.at(-1)).toBeDefined();
    expect(session.said.heartbeat.some(({ capacity }) => capacity?.maxSlots === 0)).toBe(true);
    await until(() => !isAlive(host.keeperPid), 'the keeper to end');
  });

  it('by `leave` can join another cluster, in which the same run with a lower epoch and a lower term is new', async () => {
    const { host, controller } = await agentHost();
    const agent = host.startAgent([controller.endpoint]);
    const first = await controller.session();
    await startSleeper(first, LONG);
    await askAgentToLeave(host.stateDir, { withinMs: 10_000 });
    expect(await agent.exited).toBe(0);
    await until(() => !isAlive(host.keeperPid), 'the keeper to end');
    controller.clusterId = 'cluster-b';
    controller.term = TERM - 1;
    host.startAgent([controller.endpoint]);
    const second = await controller.session(1);
    expect(second.hello).toMatchObject({ clusterId: '', uid: '', highestTerm: 0n, highestEpoch: 0n });
    expect(second.hello.instanceId).not.toBe(first.hello.instanceId);
    await second.heard('heartbeat');
    const pid = await startSleeper(second, { ...LONG, epoch: 3n });
    expect(isAlive(pid)).toBe(true);
  });

  it('because its host shuts down, which the keeper is told, says Goodbye too', async () => {
    const { host, controller } = await agentHost();
    const agent = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    await startSleeper(session, LONG);
    signal(host.keeperPid, 'SIGTERM');
    expect(await session.heard('goodbye')).toMatchObject({ reason: 'SHUTDOWN', attempts: [{ run: 'import-1' }] });
    expect(await agent.exited).toBe(0);
  });

  it('is not joined by a second one in the same state directory', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    await controller.session();
    const second = host.startAgent([controller.endpoint]);
    expect(await second.exited).toBe(1);
    expect(second.log()).toContain(`an agent is at work in ${host.stateDir} already`);
    expect(controller.sessions).toHaveLength(1);
  });
});
