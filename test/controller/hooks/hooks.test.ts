import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_KEEP } from '../../../controller/core/cluster/cluster.ts';
import type { HookSettings } from '../../../controller/hooks/hook.ts';
import { errorOf } from '../../../sdk/typescript/client.ts';
import { LocumError } from '../../../shared/errors.ts';
import { localTokenIn } from '../access/access-world.ts';
import { type ControllerWorld, clientsOf, eventually, inWorld } from '../controller-world.ts';
import { WebhookReceiver, writeSecrets } from './webhook-receiver.ts';

const ALL = { types: [], minSeverity: undefined, about: [] } as const;
const POOLS = { ...ALL, types: ['POOL_CREATED'] } as const;

let receiver: WebhookReceiver | undefined;
afterEach(() => receiver?.close());

/** A receiver, and the hook that tells it. */
async function webhook(
  { folder }: ControllerWorld,
  more: {
    readonly only?: HookSettings['only'];
    readonly port?: number;
    readonly host?: string;
    readonly secrets?: number;
    readonly timeoutMs?: number;
  } = {},
) {
  const { only = POOLS, host = '127.0.0.1', secrets = 1, timeoutMs = 5_000 } = more;
  const secretFile = join(folder, 'secret');
  const made = new WebhookReceiver(writeSecrets(secretFile, secrets));
  receiver = made;
  const port = more.port ?? (await made.listen());
  const url = new URL(`http://${host}:${port}/in?token=hidden`);
  const target = { kind: 'WEBHOOK', url, secretFile, caFile: undefined, timeoutMs, allowLoopback: true } as const;
  const hook: HookSettings = { name: 'pager', target, only };
  return { receiver: made, hook, port };
}

async function createPools({ api }: ControllerWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await api.pools.createPool({ pool: { name: `pools/p${n}` } });
}

/** So that it says something that it did not say before. */
async function updatePool({ api }: ControllerWorld, n: number): Promise<void> {
  const pool = { name: 'pools/default', defaultMaxSlots: n };
  await api.pools.updatePool({ pool, updateMask: { paths: ['default_max_slots'] } });
}

const poolsTold = ({ taken }: WebhookReceiver): readonly string[] => taken.map(({ event }) => event.subject ?? '');
const names = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `pools/p${from + n}`);

const statusHas = async ({ api }: ControllerWorld, reason: string) =>
  (await api.cluster.getStatus({})).deviations.find((deviation) => deviation.reason === reason);

function reasonIn(error: unknown): string {
  const known = errorOf(error);
  return known instanceof LocumError ? known.reason : String(known);
}

const eventsOf = async ({ api }: ControllerWorld, type: string) => (await api.events.listEvents({ type })).events;

describe('a webhook', () => {
  it(
    'is told of each event that it wants, once, in order, signed with every secret, as a CloudEvent',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world, { secrets: 2 });
      await world.stop();
      await world.start({ hooks: [hook] });
      await createPools(world, 1, 30);
      await eventually(async () => (receiver.taken.length >= 30 ? true : undefined));
      expect(poolsTold(receiver)).toEqual(names(1, 30));
      const [first] = receiver.requests;
      expect(first).toMatchObject({
        ...{ isSigned: true, path: '/in?token=hidden', type: 'application/cloudevents+json; charset=utf-8' },
        event: { specversion: '1.0', type: 'locum.v1.POOL_CREATED', subject: 'pools/p1', severity: 'INFO' },
      });
      expect(first?.event).toMatchObject({ datacontenttype: 'application/json', data: { type: 'POOL_CREATED' } });
      expect(receiver.requests.every(({ id, event }) => id === event.id)).toBe(true);
      const metrics = await (await fetch(`http://${world.controller.apiAddress}/metrics`)).text();
      expect(metrics).toContain('locum_hook_events_total{hook="pager",outcome="delivered"} 30');
    }),
  );

  it(
    'goes on over a restart from where it was: nothing is left out, nothing told twice',
    inWorld(
      async (world) => {
        const { receiver, hook } = await webhook(world);
        await world.stop();
        await world.start({ hooks: [hook] });
        await createPools(world, 1, 3);
        await eventually(async () => (receiver.taken.length >= 3 ? true : undefined));
        await world.stop();
        // Nobody is told meanwhile; the status says so.
        await world.start();
        await createPools(world, 4, 5);
        const unknown = await eventually(() => statusHas(world, 'HOOK_NOT_CONFIGURED'));
        expect(unknown).toMatchObject({ resource: 'hooks/pager', command: 'locum hook forget pager' });
        await world.stop();
        await world.start({ hooks: [hook] });
        await createPools(world, 6, 6);
        await eventually(async () => (receiver.taken.length >= 6 ? true : undefined));
        expect(poolsTold(receiver)).toEqual(names(1, 6));
      },
      { store: 'sqlite' },
    ),
    30_000,
  );

  it(
    'that is not there keeps nobody waiting, is named in the status, an event and the metrics, and gets everything when it is back',
    inWorld(async (world) => {
      const { receiver, hook, port } = await webhook(world);
      await receiver.close();
      await world.stop();
      await world.start({ hooks: [hook] });
      await createPools(world, 1, 3);
      const deviation = await eventually(() => statusHas(world, 'HOOK_FAILING'));
      expect(deviation).toMatchObject({ resource: 'hooks/pager', command: 'locum hook show pager' });
      expect(deviation.message).toMatch(/could not be told: .*ECONNREFUSED/);
      expect(JSON.stringify(deviation.message)).not.toContain('hidden');
      expect(await eventsOf(world, 'HOOK_FAILING')).toHaveLength(1);
      const metrics = await (await fetch(`http://${world.controller.apiAddress}/metrics`)).text();
      expect(metrics).toContain('locum_hook_waiting_events{hook="pager"} 3');
      await receiver.listen(port);
      await eventually(async () => (receiver.taken.length >= 3 ? true : undefined));
      expect(poolsTold(receiver)).toEqual(names(1, 3));
      await eventually(async () => ((await statusHas(world, 'HOOK_FAILING')) === undefined ? true : undefined));
      expect(await eventsOf(world, 'HOOK_DELIVERS')).toHaveLength(1);
    }),
    60_000,
  );

  it(
    'that turns an event away three times is not told of it, which is said, and is told of the next',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world);
      receiver.answer = ({ event }, response) =>
        void response.writeHead(event.subject === 'pools/p1' ? 422 : 200).end();
      await world.stop();
      await world.start({ hooks: [hook] });
      await createPools(world, 1, 2);
      await eventually(async () => (receiver.taken.length >= 1 ? true : undefined));
      expect(poolsTold(receiver)).toEqual(['pools/p2']);
      expect(receiver.requests.map(({ event }) => event.subject)).toEqual([...Array(3).fill('pools/p1'), 'pools/p2']);
      const [lost] = await eventsOf(world, 'HOOK_EVENTS_LOST');
      expect(lost).toMatchObject({ cause: 'TURNED_AWAY', details: { hook: 'pager' } });
    }),
    60_000,
  );

  it(
    'that sends it on to another address is not followed',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world);
      receiver.answer = (_received, response) =>
        void response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end();
      await world.stop();
      await world.start({ hooks: [hook] });
      const answer = await world.api.hooks.testHook({ name: 'hooks/pager' });
      expect(answer).toMatchObject({
        delivered: false,
        outcome: 'answered 307: another address, which is not followed',
      });
    }),
  );

  it(
    'whose name leads to this host is refused unless that is allowed',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world, { host: 'localhost' });
      await world.stop();
      const guarded = { ...hook, target: { ...hook.target, allowLoopback: false } } as HookSettings;
      await world.start({ hooks: [guarded, { ...hook, name: 'allowed' }] });
      const refused = await world.api.hooks.testHook({ name: 'hooks/pager' });
      expect(refused.delivered).toBe(false);
      expect(refused.outcome).toMatch(/localhost leads nowhere that is allowed: .* is this host itself/);
      expect(receiver.requests).toEqual([]);
      expect(await world.api.hooks.testHook({ name: 'hooks/allowed' })).toMatchObject({ delivered: true });
    }),
  );

  it(
    'is tried by a test event, whose answer is shown in one line per line, and never by a secret',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world);
      receiver.answer = (_received, response) => void response.writeHead(202).end('thanks \u001b[2J');
      await world.stop();
      await world.start({ hooks: [hook] });
      const answer = await world.api.hooks.testHook({ name: 'hooks/pager' });
      expect(answer).toMatchObject({ delivered: true, outcome: 'answered 202', answer: 'thanks \\e[2J' });
      expect(receiver.taken[0]).toMatchObject({ isSigned: true, event: { type: 'locum.v1.HOOK_TEST' } });
      const shown = JSON.stringify(await world.api.hooks.listHooks({}), (_key, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(shown).not.toMatch(/hidden|whsec|AQEBAQ/);
      expect(shown).toContain('http://127.0.0.1:');
      // A secret that others can read is no secret: nothing is sent.
      chmodSync(join(world.folder, 'secret'), 0o644);
      const open = await world.api.hooks.testHook({ name: 'hooks/pager' });
      expect(open.outcome).toMatch(/is open to other users of this host/);
      expect(receiver.requests).toHaveLength(1);
    }),
  );

  it(
    'that never answers is given up after its time, and the next controller call is as fast as ever',
    inWorld(async (world) => {
      const { receiver, hook } = await webhook(world, { timeoutMs: 200 });
      receiver.answer = () => {};
      await world.stop();
      await world.start({ hooks: [hook] });
      const answer = await world.api.hooks.testHook({ name: 'hooks/pager' });
      expect(answer).toMatchObject({ delivered: false, outcome: 'did not answer within 0.2 s' });
      await createPools(world, 1, 50);
      expect((await world.api.pools.listPools({})).pools).toHaveLength(51);
    }),
  );
});

describe('a hook', () => {
  it(
    'that takes nothing for so long that events were dropped is told what is left, and which may be missing is said',
    inWorld(async (world) => {
      const { receiver, hook, port } = await webhook(world, { only: { ...ALL, types: ['POOL_UPDATED'] } });
      await receiver.close();
      await world.stop();
      await world.start({ hooks: [hook], keep: { ...DEFAULT_KEEP, events: 100 } });
      // One pool has only so much room.
      for (let n = 1; n <= 130; n += 1) await updatePool(world, n);
      await receiver.listen(port);
      const newest = (await eventsOf(world, 'POOL_UPDATED'))[0]?.name;
      const told = (): readonly (string | undefined)[] => receiver.taken.map(({ event }) => event.data.name);
      await eventually(async () => (told().includes(newest) ? true : undefined));
      expect(told().length).toBeLessThanOrEqual(100);
      // Nothing between two of them is left out.
      const kept = (await eventsOf(world, 'POOL_UPDATED')).map(({ name }) => name);
      expect(told().toReversed().slice(0, kept.length)).toEqual(kept);
      const [lost] = await eventually(async () => {
        const found = await eventsOf(world, 'HOOK_EVENTS_LOST');
        return found.length > 0 ? found : undefined;
      });
      expect(lost).toMatchObject({ cause: 'DROPPED', severity: 'WARNING', details: { hook: 'pager' } });
    }),
    60_000,
  );

  it(
    'is seen by viewers and tried by operators, but only administrators have its program run',
    inWorld(async (world) => {
      const { hook } = await webhook(world);
      const target = { kind: 'COMMAND', argv: ['/bin/true'], timeoutMs: 5_000 } as const;
      await world.stop();
      await world.start({
        ...{ open: false, dataDirectory: world.folder },
        hooks: [hook, { name: 'notify', target, only: ALL }],
      });
      const as = (token: string) => clientsOf(world.controller.apiAddress, token);
      const admin = as(localTokenIn(world.folder));
      const outcomes: Record<string, readonly string[]> = {};
      for (const role of ['viewer', 'operator', 'admin']) {
        const { secret } = await admin.access.createToken({ holder: role, roles: [{ role }] });
        const { hooks } = as(secret);
        const trial = async (name: string): Promise<string> =>
          hooks.testHook({ name }).then(
            ({ outcome }) => outcome,
            (error: unknown) => reasonIn(error),
          );
        const listed = (await hooks.listHooks({})).hooks.length;
        outcomes[role] = [String(listed), await trial('hooks/pager'), await trial('hooks/notify')];
      }
      expect(outcomes).toEqual({
        viewer: ['2', 'PERMISSION_DENIED', 'PERMISSION_DENIED'],
        operator: ['2', 'answered 204', 'PERMISSION_DENIED'],
        admin: ['2', 'answered 204', 'exited with 0'],
      });
    }),
  );
});

describe('a hook that is forgotten', () => {
  it(
    'is one that is not configured any more',
    inWorld(
      async (world) => {
        const { hook } = await webhook(world);
        await world.stop();
        await world.start({ hooks: [hook] });
        await eventually(async () => {
          const { hook: shown } = await world.api.hooks.getHook({ name: 'hooks/pager' });
          return shown !== undefined && shown.position > 0n ? shown : undefined;
        });
        await createPools(world, 1, 1);
        await eventually(async () => (receiver?.taken.length === 1 ? true : undefined));
        const refusal = await world.api.hooks
          .forgetHook({ name: 'hooks/pager' })
          .catch((error: unknown) => errorOf(error));
        expect(refusal).toBeInstanceOf(LocumError);
        expect(refusal).toMatchObject({ reason: 'HOOK_CONFIGURED' });
        await world.stop();
        await world.start();
        expect((await world.api.hooks.listHooks({})).hooks).toMatchObject([{ name: 'hooks/pager', kind: '' }]);
        await world.api.hooks.forgetHook({ name: 'hooks/pager' });
        expect((await world.api.hooks.listHooks({})).hooks).toEqual([]);
        const { entries } = await world.api.audit.listAuditEntries({ method: 'ForgetHook' });
        expect(entries).toMatchObject([{ resource: 'hooks/pager', outcome: 'OK' }]);
        expect(
          (await world.api.audit.listAuditEntries({})).entries.filter(({ principal }) => principal === 'controller'),
        ).toEqual([]);
      },
      { store: 'sqlite' },
    ),
  );
});
