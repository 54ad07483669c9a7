/** Every method × every role × every reach, against a real controller: each answers as the table of docs/access.md says. */
import { create, type DescMessage, type DescMethod, type MessageShape } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { ruleOf } from '../../../shared/access/method-access.ts';
import { ALL_PERMISSIONS, BUILT_IN_ROLES, type Permission } from '../../../shared/access/permissions.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { nameOf, services } from '../../e2e/every-method.ts';
import { type AccessWorld, inAccessWorld } from './access-world.ts';

const METHODS = services.flatMap(({ methods }) => methods);
/** All calls are about things of this pool. */
const POOL = 'edge';
const REACHES = ['everything', 'edge', 'default'] as const;
type Reach = (typeof REACHES)[number];

const FOLDERS: Readonly<Record<string, string>> = {
  PoolService: `pools/${POOL}`,
  ServerService: `servers/${POOL}-1`,
  PolicyService: `policies/job-${POOL}`,
};

/** A request about things of the pool, that changes nothing where it can say so. */
function requestFor(method: DescMethod, run: string): MessageShape<DescMessage> {
  const { input, parent } = method;
  const workload = { kind: { case: 'command', value: { argv: ['true'] } } };
  const named = {
    RunService: run,
    HookService: 'hooks/none',
    AccessService: `${/Role$/.test(method.name) ? 'roles' : /User$/.test(method.name) ? 'users' : 'tokens'}/none`,
  };
  const values: Readonly<Record<string, unknown>> = {
    name: FOLDERS[parent.name] ?? Reflect.get(named, parent.name) ?? '',
    pool: input.field['pool']?.message === undefined ? `pools/${POOL}` : { name: `pools/${POOL}` },
    server: input.field['server']?.message === undefined ? '' : { name: `servers/${POOL}-1`, labels: { a: 'b' } },
    servers: method.name === 'SetServerOrder' ? [`servers/${POOL}-1`] : [],
    policy:
      input.field['policy']?.message === undefined
        ? `policies/job-${POOL}`
        : { name: `policies/job-${POOL}`, pool: `pools/${POOL}`, workload },
    role: { name: 'roles/new', permissions: ['pools.read'] },
    user: { name: 'users/new', roles: [{ role: 'viewer' }] },
    holder: 'new',
    roles: [{ role: 'viewer' }],
    permission: 'pools.read',
    epoch: 1n,
    epochs: [1n],
    uid: 'u',
    bootId: 'b',
    reason: 'a test',
    controller: 'controllers/none',
    after: 1n,
    allowGap: true,
    rank: 1,
    validateOnly: true,
  };
  const known = Object.entries(values).filter(
    ([name]) => input.field[name] !== undefined && input.oneofs.every((one) => one.localName !== name),
  );
  const message = create(input, Object.fromEntries(known));
  const to = input.oneofs.find(({ localName }) => localName === 'to');
  if (to !== undefined) Reflect.set(message, 'to', { case: 'rank', value: 1 });
  return message;
}

/** The reason of the refusal, or OK; of a stream, that of its first message. */
async function answerOf(transport: Transport, method: DescMethod, message: MessageShape<DescMessage>): Promise<string> {
  const ended = new AbortController();
  try {
    if (method.methodKind === 'unary') await transport.unary(method as never, undefined, 10_000, undefined, message);
    else {
      const input = (async function* () {
        yield message;
      })();
      const answer = await transport.stream(method as never, ended.signal, 10_000, undefined, input);
      for await (const _ of answer.message) break;
    }
    return 'OK';
  } catch (error) {
    return fromConnectError(error)?.reason ?? String(error);
  } finally {
    ended.abort();
  }
}

const NOT_LET_IN: ReadonlySet<string> = new Set(['UNAUTHENTICATED', 'TOKEN_INVALID', 'PERMISSION_DENIED']);
const judged = (answer: string): string => (NOT_LET_IN.has(answer) ? answer : 'allowed');

/** What the table says. */
function expected(method: DescMethod, role: string, reach: Reach): string {
  const rule = ruleOf(method);
  if (rule?.kind !== 'permission') return 'allowed';
  const has = BUILT_IN_ROLES.find(({ name }) => name === role)?.permissions.includes(rule.permission) ?? false;
  if (!has) return 'PERMISSION_DENIED';
  if (reach === 'everything') return 'allowed';
  if (rule.reach === 'CLUSTER') return 'PERMISSION_DENIED';
  const isOfMany = /^(?:List|Watch)/.test(method.name);
  return isOfMany || reach === POOL ? 'allowed' : 'PERMISSION_DENIED';
}

/** Lists and watches leave out what is in another part, and so say nothing of one thing. */
function needs(method: DescMethod, permission: Permission): boolean {
  const rule = ruleOf(method);
  return rule?.kind === 'permission' && rule.permission === permission && !/^(?:List|Watch)/.test(method.name);
}

async function table({ withToken, runs }: AccessWorld, secret: string | undefined): Promise<Record<string, string>> {
  const { transport } = withToken(secret);
  const answers: Record<string, string> = {};
  for (const method of METHODS)
    answers[nameOf(method)] = judged(await answerOf(transport, method, requestFor(method, runs.get(POOL) ?? '')));
  return answers;
}

describe('each method, asked about things of one pool', () => {
  it(
    'answers each role, of each reach, as the table says',
    inAccessWorld(async (world) => {
      for (const { name: role } of BUILT_IN_ROLES) {
        for (const reach of REACHES) {
          const grant = reach === 'everything' ? { role } : { role, pools: [reach] };
          const { secret } = await world.token(grant);
          const wanted = Object.fromEntries(METHODS.map((method) => [nameOf(method), expected(method, role, reach)]));
          expect(await table(world, secret), `${role} of ${reach}`).toEqual(wanted);
        }
      }
    }),
    60_000,
  );

  it(
    'is what can-i says of the permission and the thing, whoever asks',
    inAccessWorld(async ({ token, withToken, runs }) => {
      const things = [...Object.values(FOLDERS), runs.get(POOL) ?? ''];
      for (const reach of REACHES) {
        const { secret } = await token(reach === 'everything' ? { role: 'admin' } : { role: 'admin', pools: [reach] });
        const { access } = withToken(secret);
        for (const permission of ALL_PERMISSIONS) {
          const allowed = METHODS.filter((method) => needs(method, permission)).map((method) =>
            expected(method, 'admin', reach),
          );
          if (allowed.length === 0) continue;
          const answers = await Promise.all(things.map((resource) => access.checkAccess({ permission, resource })));
          const wanted = things.map(() => ({ allowed: allowed.includes('allowed') }));
          expect(answers, `${permission} of ${reach}`).toMatchObject(wanted);
        }
      }
    }),
    60_000,
  );

  it(
    'answers nobody who is not known',
    inAccessWorld(async (world) => {
      const all = (word: string) =>
        Object.fromEntries(
          METHODS.map((method) => [nameOf(method), ruleOf(method)?.kind === 'everybody' ? 'allowed' : word]),
        );
      expect(await table(world, undefined)).toEqual(all('UNAUTHENTICATED'));
      expect(await table(world, `locum_00_${'A'.repeat(43)}`)).toEqual(all('TOKEN_INVALID'));
      const { name, secret } = await world.token({ role: 'admin' });
      await world.admin.access.revokeToken({ name });
      expect(await table(world, secret)).toEqual(all('TOKEN_INVALID'));
    }),
    60_000,
  );

  it(
    'shows in lists and watches what is in the pool, or of the policies, that a role was given for, and nothing else',
    inAccessWorld(async (world) => {
      const ofPool = await world.token({ role: 'viewer', pools: [POOL] });
      const ofLabels = await world.token({ role: 'viewer', policyLabels: { team: POOL } });
      const pool = world.withToken(ofPool.secret);
      const labels = world.withToken(ofLabels.secret);
      expect((await pool.pools.listPools({})).pools.map(({ name }) => name)).toEqual([`pools/${POOL}`]);
      expect((await pool.servers.listServers({})).servers.map(({ name }) => name)).toEqual([`servers/${POOL}-1`]);
      for (const client of [pool, labels]) {
        expect((await client.policies.listPolicies({})).policies.map(({ name }) => name)).toEqual([
          `policies/job-${POOL}`,
        ]);
        expect((await client.runs.listRuns({})).runs.map(({ name }) => name)).toEqual([world.runs.get(POOL)]);
        const { events } = await client.events.listEvents({});
        expect(events.length).toBeGreaterThan(0);
        expect(events.filter(({ policy }) => policy === 'policies/job-default')).toEqual([]);
        const watched: string[] = [];
        for await (const { change, snapshotEnd } of client.policies.watchPolicies({})) {
          if (change.case === 'policy') watched.push(change.value.name);
          if (snapshotEnd) break;
        }
        expect(watched).toEqual([`policies/job-${POOL}`]);
        // A resume would tell of the end of what was never shown.
        const resumed = client.policies.watchPolicies({ revision: 1n })[Symbol.asyncIterator]();
        const why = await resumed.next().catch((error: unknown) => fromConnectError(error)?.reason);
        expect(why).toBe('REVISION_TOO_OLD');
      }
      expect((await labels.servers.listServers({})).servers).toEqual([]);
      expect((await pool.servers.listCapabilities({})).capabilities.flatMap(({ servers }) => servers)).not.toContain(
        'servers/default-1',
      );
    }),
    30_000,
  );
});
