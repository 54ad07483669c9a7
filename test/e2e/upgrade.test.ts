/** A cluster that is upgraded host by host, and back: agents and keepers of the version before under this controller, and the other way round. */
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';
import { previousVersion } from './previous-version.ts';
import { isAlive } from './process-liveness.ts';

const TEST_TIMEOUT_MS = 90_000;
const previous = previousVersion();
/** Who runs the version before. */
const old = new Set(['controller', 'a', 'b']);

afterAll(() => {
  if (typeof previous !== 'string') previous.remove();
});

const needsPrevious = (ctx: TestContext): void => {
  if (typeof previous === 'string') ctx.skip(previous);
};

describe('a rolling upgrade', () => {
  const fixture = useCluster(['a', 'b'], 1, {
    program: (name) => (typeof previous !== 'string' && old.has(name) ? previous.program : undefined),
    controllerFlags: () => (typeof previous !== 'string' && old.has('controller') ? previous.openFlags : ['--open']),
  });

  async function restartController(version: 'old' | 'new'): Promise<void> {
    const { cluster, servers } = fixture();
    if (version === 'old') old.add('controller');
    else old.delete('controller');
    await cluster.stopController('SIGTERM');
    await cluster.startController();
    await eventually('both agents are back', async () => {
      const { servers: found } = await servers.listServers({});
      return found.length === 2 && found.every((one) => one.connected && one.available) ? found : undefined;
    });
  }

  async function restartAgent(server: string, version: 'old' | 'new'): Promise<void> {
    const { cluster } = fixture();
    if (version === 'old') old.add(server);
    else old.delete(server);
    await cluster.stopAgent(server, 'SIGTERM');
    await cluster.startAgent(server);
  }

  /** Of the policy that is never to be stopped, whatever is restarted around it. Undefined when its process is gone. */
  async function steadyPid(): Promise<number | undefined> {
    const { attempt } = await fixture().running('steady', 'a');
    return isAlive(attempt.pid) ? attempt.pid : undefined;
  }

  /** The cluster still does what it is for: starts, and stops. */
  async function startAndStop(name: string): Promise<void> {
    const { apply, witness, running, policies } = fixture();
    await apply(witness.policy(name, { servers: ['servers/b'] }));
    const { attempt } = await running(name, 'b');
    await policies.deletePolicy({ name: `policies/${name}` });
    await eventually(`${name} has ended`, async () => (isAlive(attempt.pid) ? undefined : true));
  }

  it('goes controller first, then host by host, and every policy runs on', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    needsPrevious(ctx);
    const { apply, witness, running } = fixture();
    await apply(witness.policy('steady'));
    const { attempt } = await running('steady', 'a');
    await restartController('new');
    expect(await steadyPid()).toBe(attempt.pid);
    await startAndStop('new-controller-old-agents');
    await restartAgent('a', 'new');
    expect(await steadyPid()).toBe(attempt.pid);
    await restartAgent('b', 'new');
    await startAndStop('all-new-but-keepers');
  });

  it('goes back in the other order, and every policy runs on', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    needsPrevious(ctx);
    const { attempt } = await fixture().running('steady', 'a');
    await restartAgent('b', 'old');
    await restartAgent('a', 'old');
    expect(await steadyPid()).toBe(attempt.pid);
    await restartController('old');
    expect(await steadyPid()).toBe(attempt.pid);
    await startAndStop('all-old-again');
    await restartAgent('a', 'new');
    expect(await steadyPid()).toBe(attempt.pid);
    await startAndStop('old-controller-new-agent');
  });

  it('moves work between versions when an agent leaves', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    needsPrevious(ctx);
    const { cluster, running } = fixture();
    await restartController('new');
    const before = await steadyPid();
    const left = await runLocum(cluster.address, ['agent', 'leave', '--state-dir', cluster.stateDir('a')]);
    expect(left).toMatchObject({ code: 0 });
    const { attempt } = await running('steady', 'b');
    expect(isAlive(attempt.pid)).toBe(true);
    expect(before !== undefined && isAlive(before)).toBe(false);
  });
});
