/** An agent with its keeper, as real processes: its sessions, what it starts and stops, and who it is. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandOutcome } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { isAlive, until } from './agent-host.ts';
import { agentHost, LONG, SLEEPER, script, startSleeper } from './agent-rig.ts';
import { FAST, FakeController } from './fake-controller.ts';

describe('an agent with its keeper, against a controller on a real socket', { timeout: 60_000 }, () => {
  it('says Hello with what it is, beats, starts, lives on grants, and stops when told', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint], ['max_slots: 4', 'capabilities: { room: "12" }']);
    const session = await controller.session();
    expect(session.hello).toMatchObject({ server: 'host-1', pool: 'default', machineId: 'machine-1', uid: '' });
    const told = (): readonly string[] => {
      const beats = session.said.heartbeat.flatMap(({ capabilities }) => capabilities?.capabilities ?? []);
      return [...session.hello.capabilities, ...beats].map(({ name, value }) => `${name}=${value}`);
    };
    // What a busy machine finds out later about itself, it tells later.
    await expect
      .poll(told)
      .toEqual(expect.arrayContaining(['os=linux', 'room=12', expect.stringMatching(/^containment=/)]));
    expect(session.hello.capacity?.maxSlots).toBe(4);

    const commandId = session.start(SLEEPER);
    const result = await session.heard('commandResult', (r) => r.commandId === commandId);
    expect(result.outcome).toBe(CommandOutcome.APPLIED);
    expect(isAlive(result.pid)).toBe(true);
    const startedAt = performance.now();
    await session.heard('heartbeat', () => performance.now() - startedAt > FAST.leaseMs + 500);
    expect(isAlive(result.pid)).toBe(true);

    session.stop();
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.STOPPED);
    expect(isAlive(result.pid)).toBe(false);
  });

  it('stops what it runs when no grant comes any more, and reports that its lease ended', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session);
    controller.welcomes = false;
    session.grants = false;
    await until(() => !isAlive(pid), 'the lease to end the run');
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.LAPSED);
  });

  it('stops what it runs when its virtual machine was restored and nobody grants a heartbeat that was sent since', async () => {
    const { host, controller } = await agentHost();
    const file = join(host.folder, 'generation');
    writeFileSync(file, 'one');
    host.startAgent([controller.endpoint], [`vm_generation_file: ${file}`]);
    const session = await controller.session();
    expect(session.hello.capabilities).toContainEqual(
      expect.objectContaining({ name: 'vm-generation', value: 'file' }),
    );
    const pid = await startSleeper(session, LONG);

    writeFileSync(file, 'two');
    const restoredAt = performance.now();
    await session.heard('heartbeat', () => performance.now() - restoredAt > 4_000);
    expect(isAlive(pid)).toBe(true);

    session.grants = false;
    controller.welcomes = false;
    writeFileSync(file, 'three');
    const again = performance.now();
    await until(() => !isAlive(pid), 'the doubt to end the run');
    expect(performance.now() - again).toBeGreaterThan(1_900);
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.LAPSED);

    rmSync(file);
    await until(() => host.newest.log().includes('would not be noticed any more'), 'a warning');
  });

  it('does not start with a file of generations that is not there', async () => {
    const { host, controller } = await agentHost();
    const agent = host.startAgent([controller.endpoint], ['vm_generation_file: /nowhere/generation']);
    expect(await agent.exited).toBe(1);
    expect(agent.log()).toContain('vm_generation_file');
  });

  it('runs a HOLD attempt on without any controller, and tells the next one of it', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session, { onDisconnect: OnDisconnect.HOLD });
    let refused = 0;
    const lostAt = performance.now();
    controller.onHello = (next) => {
      const enough = performance.now() - lostAt > FAST.leaseMs + FAST.stopTimeoutMs + 500;
      if (!enough) next.end();
      refused += enough ? 0 : 1;
      return enough;
    };
    session.end();
    await until(() => controller.sessions.length > refused + 1, 'a Hello that is welcomed');
    expect(isAlive(pid)).toBe(true);
    const last = controller.sessions.at(-1);
    expect(last?.inventory).toMatchObject([{ run: 'import-1', epoch: 7n, state: AttemptState.RUNNING, pid }]);
  });

  it('dials the second controller when the first says nothing, and keeps what runs', async () => {
    const { host, controller } = await agentHost();
    const second = await FakeController.start();
    try {
      host.startAgent([controller.endpoint, second.endpoint]);
      const session = await controller.session();
      const pid = await startSleeper(session, LONG);
      session.grants = false;
      second.term = controller.term + 1;
      const next = await second.session();
      expect(next.inventory).toMatchObject([{ run: 'import-1', epoch: 7n, pid }]);
      await session.whenEnded();
      await next.heard('heartbeat', ({ sequence }) => sequence > 3n);
      expect(isAlive(pid)).toBe(true);
    } finally {
      second.close();
    }
  });

  it('refuses a controller of another cluster, and goes on asking', async () => {
    const { host, controller } = await agentHost();
    const first = host.startAgent([controller.endpoint]);
    await (await controller.session()).heard('heartbeat');
    first.child.kill('SIGTERM');
    await first.exited;
    controller.clusterId = 'cluster-b';
    const again = host.startAgent([controller.endpoint]);
    const session = await controller.session(1);
    expect(session.hello).toMatchObject({ clusterId: 'cluster-a', uid: 'server-uid' });
    await session.whenEnded();
    await until(() => again.log().includes('belongs to cluster cluster-b'), 'a line in the log');
    expect(session.said.heartbeat).toEqual([]);
    controller.clusterId = 'cluster-a';
    const good = await controller.session(2);
    await good.heard('heartbeat');
  });

  it('answers a program that is not there with a reason', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    session.start({ kind: { case: 'command', value: { argv: ['no-such-program-here'] } } });
    const result = await session.heard('commandResult');
    expect(result).toMatchObject({ outcome: CommandOutcome.REFUSED, reason: 'PROGRAM_NOT_FOUND' });
  });

  it('lists what ended until that is acknowledged', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    session.start(script('exit 3'));
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end).toMatchObject({ cause: EndCause.EXITED, exitCode: 3 });
    session.say({ case: 'reportFullState', value: { reason: 'TEST' } });
    expect((await session.heard('fullState')).attempts).toMatchObject([{ epoch: 7n, state: AttemptState.ENDED }]);
    session.say({ case: 'attemptAck', value: { attempts: [{ run: 'import-1', epoch: 7n }] } });
    session.say({ case: 'reportFullState', value: { reason: 'TEST' } });
    await session.heard('fullState', ({ attempts }) => attempts.length === 0);
  });
});

describe('the state directory', { timeout: 60_000 }, () => {
  it('is private, and holds who the agent is', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    await session.heard('heartbeat');
    const identity = (): unknown => JSON.parse(readFileSync(join(host.stateDir, 'instance.json'), 'utf8'));
    await expect.poll(identity).toMatchObject({
      server: 'host-1',
      uid: 'server-uid',
      clusterId: 'cluster-a',
      highestTerm: controller.term,
      instanceId: session.hello.instanceId,
    });
  });
});
