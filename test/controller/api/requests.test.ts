import { describe, expect, it } from 'vitest';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'], env: {} } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

describe('a request_id', () => {
  it(
    'makes a repeated call happen once and answer the same',
    inWorld(async ({ api: { policies, events } }) => {
      const request = { policy: { name: 'policies/x', workload, labels: { a: '1', b: '2' } }, requestId: 'r-1' };
      const first = await policies.createPolicy(request);
      // The same request from a client that writes its maps in another order.
      const again = await policies.createPolicy({
        ...request,
        policy: { ...request.policy, labels: { b: '2', a: '1' } },
      });
      expect(again.policy?.uid).toBe(first.policy?.uid);
      const { events: created } = await events.listEvents({ type: 'POLICY_CREATED' });
      expect(created.length).toBe(1);
    }),
  );

  it(
    'can not be used for another call',
    inWorld(async ({ api: { policies } }) => {
      await policies.createPolicy({ policy: { name: 'policies/x', workload, trigger: onDemand }, requestId: 'r-1' });
      const other = policies.createPolicy({ policy: { name: 'policies/y', workload }, requestId: 'r-1' });
      expect((await errorOf(other))?.reason).toBe('REQUEST_ID_REUSED');
      const verb = policies.pausePolicy({ name: 'policies/x', requestId: 'r-1' });
      expect((await errorOf(verb))?.reason).toBe('REQUEST_ID_REUSED');
    }),
  );

  it(
    'is remembered by the next leader',
    inWorld(
      async (world) => {
        const request = { policy: { name: 'policies/x', workload, trigger: onDemand }, requestId: 'r-1' };
        const first = await world.api.policies.createPolicy(request);
        await world.stop();
        await world.start();
        const again = await world.api.policies.createPolicy(request);
        expect(again.policy?.uid).toBe(first.policy?.uid);
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'that could not stand in a key of the store is refused',
    inWorld(async ({ api: { policies } }) => {
      for (const requestId of ['a b', 'a\u0000b', 'ä']) {
        const call = policies.createPolicy({ policy: { name: 'policies/x', workload }, requestId });
        expect((await errorOf(call))?.fieldViolations[0]?.field).toBe('request_id');
      }
    }),
  );
});

describe('an etag', () => {
  it(
    'that is stale stops an update and a deletion',
    inWorld(async ({ api: { policies, pools, servers }, ...world }) => {
      const { policy } = await policies.createPolicy({ policy: { name: 'policies/x', workload, trigger: onDemand } });
      const etag = policy?.etag ?? '';
      const update = { name: 'policies/x', workload, trigger: onDemand, priority: 60 };
      await policies.updatePolicy({ policy: { ...update, etag } });
      const stale = await errorOf(policies.updatePolicy({ policy: { ...update, etag } }));
      expect(stale).toMatchObject({ reason: 'ETAG_MISMATCH', code: 'ABORTED', resource: 'policies/x' });
      expect((await errorOf(policies.deletePolicy({ name: 'policies/x', etag })))?.reason).toBe('ETAG_MISMATCH');
      const pool = { name: 'pools/default', etag: '"old"', defaultMaxSlots: 9 };
      expect((await errorOf(pools.updatePool({ pool })))?.reason).toBe('ETAG_MISMATCH');
      expect((await errorOf(servers.makePrimary({ name: 'servers/none' })))?.reason).toBe('NOT_FOUND');
      expect(world.fatal).toEqual([]);
    }),
  );
});

describe('bad input', () => {
  it(
    'is answered with the field and the rule, by reason',
    inWorld(async ({ api: { policies, runs, servers } }) => {
      const create = (policy: object) =>
        errorOf(policies.createPolicy({ policy: { name: 'policies/x', workload, ...policy } }));
      expect((await create({ name: 'policies/X' }))?.fieldViolations[0]?.field).toBe('policy.name');
      expect((await create({ workload: undefined }))?.fieldViolations[0]?.field).toBe('policy.workload');
      expect((await create({ slots: 0 }))?.fieldViolations[0]?.field).toBe('policy.slots');
      expect((await create({ listMode: 77 }))?.fieldViolations[0]?.field).toBe('policy.list_mode');
      expect((await create({ stopTimeout: { seconds: 601n } }))?.fieldViolations[0]?.field).toBe('policy.stop_timeout');
      const requirement = await create({ requirements: ['os = linux', 'dotnet >='] });
      expect(requirement).toMatchObject({ reason: 'REQUIREMENT_INVALID', code: 'INVALID_ARGUMENT' });
      expect(requirement?.fieldViolations[0]?.field).toBe('policy.requirements[1]');
      const schedule = (cron: string) => create({ trigger: { kind: { case: 'schedule', value: { cron } } } });
      expect((await schedule('every day'))?.reason).toBe('SCHEDULE_INVALID');
      expect((await schedule('0 0 30 2 *'))?.reason).toBe('SCHEDULE_NEVER_FIRES');
      expect((await create({ pool: 'pools/none' }))?.reason).toBe('NOT_FOUND');
      const reserved = await create({ workload: { ...workload, env: { LOCUM_EPOCH: '1' } } });
      expect(reserved?.reason).toBe('INVALID_FIELD');
      expect((await errorOf(runs.getRun({ name: 'runs/not-a-run' })))?.reason).toBe('NOT_FOUND');
      expect((await errorOf(servers.updateServer({ server: { name: 'servers/a', maxSlots: -1 } })))?.reason).toBe(
        'INVALID_FIELD',
      );
      const mask = { paths: ['uid', 'priority'] };
      const masked = await errorOf(
        policies.updatePolicy({ policy: { name: 'policies/x', workload }, updateMask: mask }),
      );
      expect(masked?.fieldViolations.map(({ description }) => description)).toEqual([
        expect.stringContaining('"uid" can\'t be updated; these can: pool, workload'),
      ]);
      const big = Array.from({ length: 3 }, () => 'x'.repeat(30_000));
      await policies.createPolicy({ policy: { name: 'policies/x', workload, trigger: onDemand } });
      const args = await errorOf(policies.startPolicy({ name: 'policies/x', arguments: big }));
      expect(args?.fieldViolations[0]?.field).toBe('arguments');
      const pool = await errorOf(
        policies.updatePolicy({ policy: { name: 'policies/x', workload, pool: 'pools/other' } }),
      );
      expect(pool?.reason).toBe('IMMUTABLE_FIELD');
    }),
  );

  it(
    'over the limit of bytes is refused, and the controller goes on',
    inWorld(async ({ api: { policies } }) => {
      const text = 'x'.repeat(5 * 1024 * 1024);
      const script = { kind: { case: 'script' as const, value: { text } } };
      const call = policies.createPolicy({ policy: { name: 'policies/x', workload: script } });
      expect((await errorOf(call))?.reason).toBe('MESSAGE_TOO_LARGE');
      expect((await policies.listPolicies({})).policies).toEqual([]);
    }),
  );
});
