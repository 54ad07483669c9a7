import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgentStatus, askAgentToLeave } from '../../agent/local-client.ts';
import { CommandOutcome } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { AgentHost, isAlive, signal, until } from './agent-host.ts';
import { FAST, FakeController, type FakeSession, type StartChange, TERM } from './fake-controller.ts';

const SLEEPER = { kind: { case: 'command' as const, value: { argv: ['sleep', '600'] } } };
const script = (text: string) => ({ kind: { case: 'script' as const, value: { text } } });

let host: AgentHost;
let controller: FakeController;

beforeEach(async () => {
  host = new AgentHost();
  controller = await FakeController.start();
});

afterEach(async () => {
  controller.close();
  await host.close();
});

/** Longer than anything here takes on a busy machine, for tests in which the lease must not end. */
const LONG = { leaseMs: 60_000 };

/** Starts the test's run and answers with its process id. */
async function startSleeper(session: FakeSession, change: StartChange = {}): Promise<number> {
  session.start(SLEEPER, change);
  const { pid } = await session.attempt(AttemptState.RUNNING);
  return pid;
}

describe('an agent with its keeper, against a controller on a real socket', { timeout: 60_000 }, () => {
  it('says Hello with what it is, beats, starts, lives on grants, and stops when told', async () => {
    host.startAgent([controller.endpoint], ['max_slots: 4', 'capabilities: { room: "12" }']);
    const session = await controller.session();
    expect(session.hello).toMatchObject({ server: 'host-1', pool: 'default', machineId: 'machine-1', uid: '' });
    const names = session.hello.capabilities.map(({ name, value }) => `${name}=${value}`);
    expect(names).toEqual(expect.arrayContaining(['os=linux', 'room=12', expect.stringMatching(/^containment=/)]));
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
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    const pid = await startSleeper(session);
    controller.welcomes = false;
    session.grants = false;
    const silentAt = performance.now();
    await until(() => !isAlive(pid), 'the lease to end the run');
    expect(performance.now() - silentAt).toBeLessThan(FAST.leaseMs + 2_000);
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.LAPSED);
  });

  it('stops what it runs when its virtual machine was restored and nobody grants a heartbeat that was sent since', async () => {
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
    expect(performance.now() - again).toBeLessThan(6_000);
    const ended = await session.attempt(AttemptState.ENDED);
    expect(ended.end?.cause).toBe(EndCause.LAPSED);

    rmSync(file);
    await until(() => host.newest.log().includes('would not be noticed any more'), 'a warning');
  });

  it('does not start with a file of generations that is not there', async () => {
    const agent = host.startAgent([controller.endpoint], ['vm_generation_file: /nowhere/generation']);
    expect(await agent.exited).toBe(1);
    expect(agent.log()).toContain('vm_generation_file');
  });

  it('runs a HOLD attempt on without any controller, and tells the next one of it', async () => {
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
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    session.start({ kind: { case: 'command', value: { argv: ['no-such-program-here'] } } });
    const result = await session.heard('commandResult');
    expect(result).toMatchObject({ outcome: CommandOutcome.REFUSED, reason: 'PROGRAM_NOT_FOUND' });
  });

  it('hands out output, from any offset, while it grows and when it is complete', async () => {
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    session.start(script('echo first; echo second'));
    await session.attempt(AttemptState.ENDED);
    const read = { run: 'import-1', epoch: 7n, limit: 100 };
    session.say({ case: 'readOutput', value: { ...read, requestId: 1n, offset: 6n } });
    session.say({ case: 'readOutput', value: { ...read, requestId: 2n, run: 'none-9', offset: 0n } });
    const chunk = await session.heard('outputChunk', ({ requestId }) => requestId === 1n);
    expect(new TextDecoder().decode(chunk.data)).toBe('second\n');
    expect(chunk).toMatchObject({ size: 13n, end: true, error: '' });
    const none = await session.heard('outputChunk', ({ requestId }) => requestId === 2n);
    expect(none.error).not.toBe('');
  });

  it('keeps as much output as its configuration says, and hands out the newest', async () => {
    host.startAgent([controller.endpoint], ['output: { segment_bytes: 4096, segments: 2 }']);
    const session = await controller.session();
    session.start(script('i=0; while [ $i -lt 4000 ]; do echo 0123456; i=$((i+1)); done; echo last'));
    await session.attempt(AttemptState.ENDED);
    const read = { run: 'import-1', epoch: 7n, limit: 65_536 };
    // The last lines may still be on their way to the disk when the process has ended.
    let asked = 0n;
    const readFrom = async (
      offset: bigint,
    ): Promise<{ data: Uint8Array; size: bigint; offset: bigint; end: boolean }> => {
      const requestId = ++asked;
      session.say({ case: 'readOutput', value: { ...read, requestId, offset } });
      return session.heard('outputChunk', (chunk) => chunk.requestId === requestId);
    };
    let last = await readFrom(-5n);
    while (!last.end) last = await readFrom(-5n);
    expect(new TextDecoder().decode(last.data)).toBe('last\n');
    const first = await readFrom(0n);
    expect(first.size).toBe(32_005n);
    expect(first.offset).toBeGreaterThan(0n);
  });

  it('lists what ended until that is acknowledged', async () => {
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

describe('an agent that ends', { timeout: 60_000 }, () => {
  it('by SIGTERM leaves its runs to the keeper, says no Goodbye, and the next one carries on with the same process', async () => {
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
    const agent = host.startAgent([controller.endpoint]);
    const session = await controller.session();
    await startSleeper(session, LONG);
    signal(host.keeperPid, 'SIGTERM');
    expect(await session.heard('goodbye')).toMatchObject({ reason: 'SHUTDOWN', attempts: [{ run: 'import-1' }] });
    expect(await agent.exited).toBe(0);
  });

  it('is not joined by a second one in the same state directory', async () => {
    host.startAgent([controller.endpoint]);
    await controller.session();
    const second = host.startAgent([controller.endpoint]);
    expect(await second.exited).toBe(1);
    expect(second.log()).toContain(`an agent is at work in ${host.stateDir} already`);
    expect(controller.sessions).toHaveLength(1);
  });
});

describe('A9: a keeper', { timeout: 60_000 }, () => {
  it('that is killed takes its runs with it: they are killed, reported as lost, and a new keeper takes new ones', async () => {
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

describe('the state directory', { timeout: 60_000 }, () => {
  it('is private, and holds who the agent is', async () => {
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    await session.heard('heartbeat');
    const identity = (): unknown => JSON.parse(readFileSync(join(host.stateDir, 'instance.json'), 'utf8'));
    await expect.poll(identity, { timeout: 10_000 }).toMatchObject({
      server: 'host-1',
      uid: 'server-uid',
      clusterId: 'cluster-a',
      highestTerm: controller.term,
      instanceId: session.hello.instanceId,
    });
  });
});
