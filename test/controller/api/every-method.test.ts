import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { OnDisconnect } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { Apply } from '../../../shared/gen/locum/v1/pool_pb.ts';
import { RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { Intent, Liveness, ServerRole } from '../../../shared/gen/locum/v1/server_pb.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const command = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

const reasonOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  return call.then(
    () => 'no error',
    (error: unknown) => fromConnectError(error)?.reason,
  );
};

const running = (world: ControllerWorld, name: string) =>
  eventually(async () => {
    const { run } = await world.api.runs.getRun({ name });
    return run?.state === RunState.RUNNING ? run : undefined;
  });

describe('pools', () => {
  it(
    'are created, read, listed, changed and deleted',
    inWorld(async ({ api: { pools } }) => {
      const { pool } = await pools.createPool({ pool: { name: 'pools/batch', defaultMaxSlots: 7 } });
      expect(pool).toMatchObject({ name: 'pools/batch', defaultMaxSlots: 7 });
      expect(pool?.timers?.missingAfter?.seconds).toBe(45n);
      const listed = await pools.listPools({});
      expect(listed.pools.map(({ name }) => name)).toEqual(['pools/batch', 'pools/default']);

      const tried = await pools.updatePool({ pool: { name: 'pools/batch', defaultMaxSlots: 9 }, validateOnly: true });
      expect(tried.pool?.defaultMaxSlots).toBe(9);
      expect((await pools.getPool({ name: 'pools/batch' })).pool?.defaultMaxSlots).toBe(7);
      await pools.updatePool({ pool: { name: 'pools/batch', defaultMaxSlots: 9 } });
      const masked = await pools.updatePool({
        pool: { name: 'pools/batch', timers: { missingAfter: { seconds: 60n } }, defaultMaxSlots: 1 },
        updateMask: { paths: ['timers.missing_after'] },
      });
      expect(masked.pool?.defaultMaxSlots).toBe(9);
      expect(masked.pool?.timers?.missingAfter?.seconds).toBe(60n);
      expect(masked.pool?.timers?.lease?.seconds).toBe(20n);

      await pools.deletePool({ name: 'pools/batch' });
      expect(await reasonOf(pools.getPool({ name: 'pools/batch' }))).toBe('NOT_FOUND');
      expect(await reasonOf(pools.deletePool({ name: 'pools/default' }))).toBe('POOL_IN_USE');
    }),
  );

  it(
    'refuse timers that break an inequality, and name it',
    inWorld(async ({ api: { pools } }) => {
      const call = pools.updatePool({ pool: { name: 'pools/default', timers: { missingAfter: { seconds: 1n } } } });
      const error = fromConnectError(await call.catch((e: unknown) => e));
      expect(error?.reason).toBe('TIMERS_INVALID');
      expect(error?.message).toContain('F·(L + G + K) ≤ M');
    }),
  );
});

describe('servers', () => {
  it(
    'register in order, and are moved, promoted, demoted and made primary with the same plan that was shown',
    inWorld(async (world) => {
      const { servers, pools } = world.api;
      for (const id of ['a', 'b', 'c']) await world.liveAgent(id);
      const listed = await servers.listServers({});
      expect(listed.servers.map(({ name, rank, role }) => [name, rank, role])).toEqual([
        ['servers/a', 1, ServerRole.PRIMARY],
        ['servers/b', 2, ServerRole.STANDBY],
        ['servers/c', 3, ServerRole.STANDBY],
      ]);
      const order = async (): Promise<string> => {
        const read = await pools.getServerOrder({ pool: 'pools/default' });
        return read.order?.servers.map((name) => name.slice('servers/'.length)).join('') ?? '';
      };
      const tried = await servers.makePrimary({ name: 'servers/c', validateOnly: true });
      expect(tried.order?.servers[0]).toBe('servers/c');
      expect(await order()).toBe('abc');
      await servers.makePrimary({ name: 'servers/c' });
      expect(await order()).toBe('cab');
      await servers.promoteServer({ name: 'servers/b', apply: Apply.MOVE_NOW });
      expect(await order()).toBe('cba');
      await servers.demoteServer({ name: 'servers/c' });
      expect(await order()).toBe('bca');
      await servers.moveServer({ name: 'servers/b', to: { case: 'after', value: 'servers/a' } });
      expect(await order()).toBe('cab');
      await servers.moveServer({ name: 'servers/b', to: { case: 'before', value: 'servers/a' } });
      await servers.moveServer({ name: 'servers/b', to: { case: 'rank', value: 99 } });
      expect(await order()).toBe('cab');
      const names = ['servers/a', 'servers/b', 'servers/c'];
      const set = await pools.setServerOrder({ pool: 'pools/default', servers: names });
      expect(set.order?.servers).toEqual(names);

      const wrong = (list: string[]) => reasonOf(pools.setServerOrder({ pool: 'pools/default', servers: list }));
      expect(await wrong(['servers/a', 'servers/b'])).toBe('ORDER_INCOMPLETE');
      expect(await wrong([...names, 'servers/a'])).toBe('ORDER_DUPLICATE');
      expect(await wrong([...names, 'servers/d'])).toBe('ORDER_UNKNOWN_SERVER');
      const cycle = servers.moveServer({ name: 'servers/b', to: { case: 'after', value: 'servers/b' } });
      expect(await reasonOf(cycle)).toBe('ORDER_CYCLE');
    }),
  );

  it(
    'are changed, cordoned and drained, and show their capabilities',
    inWorld(async (world) => {
      const { servers } = world.api;
      const agent = world.agent('a');
      agent.live(200);
      await agent.join({ capabilities: [{ name: 'os', value: 'linux' }, { name: 'gpu' }] });
      const name = 'servers/a';
      const changed = await servers.updateServer({ server: { name, maxSlots: 3, labels: { rack: '7' } } });
      expect(changed.server).toMatchObject({ maxSlots: 3, effectiveMaxSlots: 3, labels: { rack: '7' } });
      const unlimited = await servers.updateServer({ server: { name }, updateMask: { paths: ['max_slots'] } });
      expect(unlimited.server).toMatchObject({ effectiveMaxSlots: 50, labels: { rack: '7' } });
      expect(unlimited.server?.maxSlots).toBeUndefined();

      const cordoned = await servers.cordonServer({ name });
      expect(cordoned.server).toMatchObject({ intent: Intent.CORDONED, available: false });
      expect((await servers.uncordonServer({ name })).server).toMatchObject({ intent: Intent.ACTIVE, available: true });
      await servers.drainServer({ name, deadline: { seconds: 60n } });
      const drained = await eventually(async () => {
        const { server } = await servers.getServer({ name });
        return server?.drain?.done ? server : undefined;
      });
      expect(drained.intent).toBe(Intent.DRAINING);

      const { capabilities } = await servers.listCapabilities({});
      expect(capabilities.map((one) => [one.name, one.value, one.servers])).toEqual([
        ['gpu', '', [name]],
        ['os', 'linux', [name]],
      ]);
      expect(await reasonOf(servers.deleteServer({ name }))).toBe('SERVER_ALIVE');
    }),
  );

  it(
    'that are missing can be confirmed dead by what was shown, and deleted',
    inWorld(async (world) => {
      const { servers, policies } = world.api;
      const hold = { name: 'policies/x', workload: command, onDisconnect: OnDisconnect.HOLD };
      const agent = await world.liveAgent('a');
      await policies.createPolicy({ policy: hold });
      const start = await agent.next('startAttempt');
      await running(world, `runs/${start.run}`);
      const { server: alive } = await servers.getServer({ name: 'servers/a' });
      const confirm = { name: 'servers/a', bootId: alive?.bootId ?? '', epochs: [start.epoch], reason: 'it burnt' };
      const uid = alive?.uid ?? '';
      expect(await reasonOf(servers.confirmServerDead({ ...confirm, uid }))).toBe('SERVER_NOT_MISSING');
      agent.close();
      await eventually(async () => {
        const { server } = await servers.getServer({ name: 'servers/a' });
        return server?.liveness === Liveness.MISSING ? true : undefined;
      });
      expect(await reasonOf(servers.confirmServerDead({ ...confirm, uid, epochs: [99n] }))).toBe('SERVER_CHANGED');
      const confirmed = await servers.confirmServerDead({ ...confirm, uid });
      expect(confirmed.runs).toEqual([`runs/${start.run}`]);
      await servers.deleteServer({ name: 'servers/a' });
      expect(await reasonOf(servers.getServer({ name: 'servers/a' }))).toBe('NOT_FOUND');
    }),
  );
});

describe('policies and runs', () => {
  it(
    'are created, read, listed, changed, paused, resumed, restarted, stopped, explained and deleted',
    inWorld(async (world) => {
      const { policies, runs } = world.api;
      const agent = await world.liveAgent('a');
      const name = 'policies/x';
      const tried = await policies.createPolicy({ policy: { name, workload: command }, validateOnly: true });
      expect(tried.policy).toMatchObject({ name, slots: 1, runs: [] });
      expect(await reasonOf(policies.getPolicy({ name }))).toBe('NOT_FOUND');
      await policies.createPolicy({ policy: { name, workload: command } });
      expect(await reasonOf(policies.createPolicy({ policy: { name, workload: command } }))).toBe('ALREADY_EXISTS');
      const start = await agent.next('startAttempt');
      await running(world, `runs/${start.run}`);

      const { policy } = await policies.updatePolicy({
        policy: { name, priority: 70, slots: 9 },
        updateMask: { paths: ['priority'] },
      });
      expect(policy).toMatchObject({ priority: 70, slots: 1 });
      const created = await policies.updatePolicy({
        policy: { name: 'policies/y', workload: command, trigger: onDemand },
        allowMissing: true,
      });
      expect(created.policy?.name).toBe('policies/y');
      expect((await policies.listPolicies({})).policies.map((one) => one.name)).toEqual([name, 'policies/y']);

      expect((await policies.pausePolicy({ name })).policy?.paused).toBe(true);
      expect((await policies.resumePolicy({ name })).policy?.paused).toBe(false);
      await policies.restartPolicy({ name });
      expect((await agent.next('stopAttempt')).reason).toBe('RESTART');
      expect((await agent.next('startAttempt')).run).toBe(start.run);

      const explained = await policies.explainPlacement({ name: 'policies/y' });
      expect(explained).toMatchObject({ chosenServer: 'servers/a', servers: [{ reason: 'CHOSEN', rank: 1 }] });

      expect(await policies.startPolicy({ name: 'policies/y', validateOnly: true })).toMatchObject({});
      const started = await policies.startPolicy({ name: 'policies/y', arguments: ['--all'] });
      expect(started.run?.arguments).toEqual(['--all']);
      expect(await reasonOf(policies.startPolicy({ name: 'policies/y' }))).toBe('TOO_MANY_RUNS');
      expect((await policies.stopPolicy({ name: 'policies/y' })).policy?.name).toBe('policies/y');
      await eventually(async () => {
        const { run } = await runs.getRun({ name: started.run?.name ?? '' });
        return run?.state === RunState.STOPPED ? true : undefined;
      });
      await policies.deletePolicy({ name });
      await eventually(async () => ((await reasonOf(policies.getPolicy({ name }))) === 'NOT_FOUND' ? true : undefined));
    }),
  );

  it(
    'move, stop and are released',
    inWorld(async (world) => {
      const { policies, runs } = world.api;
      const [first, second] = [await world.liveAgent('a'), await world.liveAgent('b')];
      await policies.createPolicy({ policy: { name: 'policies/x', workload: command } });
      const { run } = await first.next('startAttempt');
      const name = `runs/${run}`;
      await running(world, name);
      const tried = await runs.moveRun({ name, server: 'servers/b', validateOnly: true });
      expect(tried.run?.reservedServer).toBe('servers/b');
      expect((await runs.getRun({ name })).run?.reservedServer).toBe('');
      await runs.moveRun({ name });
      expect((await second.next('startAttempt')).run).toBe(run);
      await running(world, name);
      expect(await reasonOf(runs.releaseRun({ name }))).toBe('WRONG_RUN_STATE');
      expect(await reasonOf(runs.moveRun({ name, server: 'servers/b' }))).toBe('TARGET_NOT_ELIGIBLE');
      await runs.stopRun({ name });
      const ended = await eventually(async () => {
        const shown = await runs.getRun({ name });
        return shown.run?.state === RunState.STOPPED ? shown.run : undefined;
      });
      expect(ended.attempts.length).toBe(2);
      expect(await reasonOf(runs.stopRun({ name }))).toBe('RUN_ENDED');
      const open = await runs.listRuns({ policy: 'policies/x' });
      const all = await runs.listRuns({ policy: 'policies/x', includeEnded: true });
      expect(all.runs.map((one) => one.name)).toContain(name);
      expect(open.runs.map((one) => one.name)).not.toContain(name);
      expect((await runs.listRuns({ server: 'servers/a' })).runs.every((one) => one.server === 'servers/a')).toBe(true);
    }),
  );
});

describe('the cluster and its events', () => {
  it(
    'say who leads, what there is, and who did what',
    inWorld(async (world) => {
      const { cluster, events, policies } = world.api;
      await world.liveAgent('a');
      const headers = { 'x-locum-actor': 'alice' };
      await policies.createPolicy(
        { policy: { name: 'policies/x', workload: command, trigger: onDemand } },
        { headers },
      );
      const status = await cluster.getStatus({});
      expect(status).toMatchObject({ store: 'memory', servers: 1, availableServers: 1, policies: 1, version: 'test' });
      expect(await cluster.proceedTakeovers({ pool: 'pools/default' })).toMatchObject({ runs: [] });
      const about = await events.listEvents({ about: 'policies/x' });
      expect(about.events.map(({ type, actor }) => [type, actor])).toEqual([['POLICY_CREATED', 'operator:alice']]);
      const typed = await events.listEvents({ type: 'LEADER_ELECTED' });
      expect(typed.events.length).toBe(1);
      expect(await reasonOf(events.listEvents({ about: 'nothing' }))).toBe('INVALID_FIELD');
      const spoofed = policies.pausePolicy({ name: 'policies/x' }, { headers: { 'x-locum-actor': 'a'.repeat(200) } });
      expect(await reasonOf(spoofed)).toBe('INVALID_FIELD');
      const missing = await cluster
        .proceedTakeovers({ pool: 'pools/none' })
        .catch((e: unknown) => ConnectError.from(e));
      expect(missing).toMatchObject({ code: Code.NotFound });
    }),
  );

  it(
    'refuse a filter with a type that no event has, and say which one was meant',
    inWorld(async ({ api: { events } }) => {
      const refused = (type: string) => events.listEvents({ type }).catch((e: unknown) => ConnectError.from(e));
      const near = await refused('SERVER_MISING');
      expect(near).toMatchObject({ code: Code.InvalidArgument });
      expect(near).toHaveProperty(
        'rawMessage',
        'type: there are no events "SERVER_MISING"; did you mean SERVER_MISSING?',
      );
      expect(await refused('WORMHOLE')).toHaveProperty(
        'rawMessage',
        'type: there are no events "WORMHOLE"; docs/events.md has all types',
      );
      expect(await reasonOf(events.listEvents({ type: 'server_missing' }))).toBe('INVALID_FIELD');
    }),
  );
});
