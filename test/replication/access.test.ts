/** Two controllers on etcd that ask who calls: a call that one passes on to the other is judged by who made it, and by nothing that it says. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SIGNATURE_HEADER, VOUCHED_HEADER, Vouching } from '../../controller/access/vouching.ts';
import { FORWARDED_HEADER } from '../../controller/replication/forwarded-call.ts';
import { connect, errorOf, type Locum } from '../../sdk/typescript/client.ts';
import type { KnownCaller } from '../../shared/access/principal.ts';
import { present } from '../../shared/assert.ts';
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';

const IDS = ['c1', 'c2'] as const;
const PAUSE = '/locum.v1.PolicyService/PausePolicy';

let made: ReplicatedCluster | undefined;
const cluster = (): ReplicatedCluster => present(made, 'a cluster');
const clients: Locum[] = [];

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  made = await ReplicatedCluster.start(IDS, { closed: true });
  const { leader } = await sides();
  await as(leader).policies.createPolicy({
    policy: { name: 'policies/nightly', workload: { kind: { case: 'command', value: { argv: ['true'] } } } },
  });
}, 120_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await made?.stop();
}, 60_000);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

async function sides(): Promise<{ readonly leader: string; readonly follower: string }> {
  const { id: leader } = await cluster().leader();
  return {
    leader,
    follower: present(
      IDS.find((id) => id !== leader),
      'the other one',
    ),
  };
}

/** A client of one controller; as the administrator of its host unless there is another token. */
function as(id: string, token = cluster().localToken(id)): Locum {
  const client = connect({ addresses: [cluster().addressOf(id)], token });
  clients.push(client);
  return client;
}

async function newToken(id: string, holder: string, role: string): Promise<string> {
  return (await as(id).access.createToken({ holder, roles: [{ role }] })).secret;
}

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => errorOf(error)?.reason ?? String(error),
  );

/** By JSON over HTTP, with these headers, past every client. */
async function pauseWith(id: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const response = await fetch(`http://${cluster().addressOf(id)}${PAUSE}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ name: 'policies/nightly', validateOnly: true }),
  });
  const { details = [] } = (await response.json()) as { readonly details?: readonly { readonly debug?: unknown }[] };
  const reasons = details.map(({ debug }) => (debug as { readonly reason?: string } | undefined)?.reason);
  return response.ok ? 'OK' : (reasons.find((reason) => reason !== undefined) ?? `${response.status}`);
}

const ADMIN: KnownCaller = {
  principal: { kind: 'user', name: 'mallory', via: 'oidc', roles: [{ role: 'admin' }] },
  actor: 'operator:user/mallory',
  source: '192.0.2.1',
};

describe('a call that a follower passes on', () => {
  test('is made by whoever called the follower, with what he was given, and the audit names both', async () => {
    const { leader, follower } = await sides();
    const [operator, viewer] = [await newToken(follower, 'olga', 'operator'), await newToken(leader, 'vera', 'viewer')];
    await as(follower, operator).policies.pausePolicy({ name: 'policies/nightly' });
    expect(await reasonOf(as(follower, viewer).policies.resumePolicy({ name: 'policies/nightly' }))).toBe(
      'PERMISSION_DENIED',
    );
    expect((await as(follower, viewer).policies.getPolicy({ name: 'policies/nightly' })).policy?.paused).toBe(true);
    const { events } = await as(leader).events.listEvents({});
    expect(events.find(({ type }) => type === 'POLICY_PAUSED')?.actor).toBe('operator:token/olga');
    const { entries } = await as(leader).audit.listAuditEntries({ method: 'PausePolicy' });
    expect(entries[0]).toMatchObject({ principal: 'operator:token/olga', outcome: 'OK' });
    expect(entries[0]?.source).toMatch(new RegExp(`^127\\.0\\.0\\.1(:\\d+)? via ${follower}$`));
  });

  test('is refused at once when its token has been revoked', async () => {
    const { leader, follower } = await sides();
    const secret = await newToken(leader, 'temp', 'operator');
    const temp = as(follower, secret);
    expect(await reasonOf(temp.policies.resumePolicy({ name: 'policies/nightly', validateOnly: true }))).toBe('OK');
    const { tokens } = await as(leader).access.listTokens({});
    const { name } = present(
      tokens.find(({ holder }) => holder === 'temp'),
      'the token',
    );
    await as(leader).access.revokeToken({ name });
    expect(await reasonOf(temp.policies.resumePolicy({ name: 'policies/nightly' }))).toBe('TOKEN_INVALID');
  });
});

describe('a call that says it was passed on', () => {
  test('is refused by leader and follower, unless the controller that it names signed it', async () => {
    const { leader, follower } = await sides();
    const forged = new Vouching(follower).vouchFor(PAUSE, ADMIN);
    for (const id of [leader, follower]) {
      expect(await pauseWith(id, forged), id).toBe('UNAUTHENTICATED');
      expect(await pauseWith(id, { ...forged, [SIGNATURE_HEADER]: '' }), id).toBe('UNAUTHENTICATED');
      expect(await pauseWith(id, { ...forged, [VOUCHED_HEADER]: 'nonsense' }), id).toBe('UNAUTHENTICATED');
      expect(await pauseWith(id, { [FORWARDED_HEADER]: follower }), id).toBe('UNAUTHENTICATED');
      expect(await pauseWith(id, { [ACTOR_HEADER]: 'operator:root' }), id).toBe('UNAUTHENTICATED');
    }
  });

  test('gives the token of one host no say on another', async () => {
    const { leader, follower } = await sides();
    const stranger = as(leader, cluster().localToken(follower));
    expect(await reasonOf(stranger.policies.listPolicies({}))).toBe('TOKEN_INVALID');
  });

  test('is believed again after the controller that signs was killed and has another key', async () => {
    const { leader, follower } = await sides();
    cluster().controller(follower).signal('SIGKILL');
    await cluster().controller(follower).exited;
    cluster().startController(follower);
    await cluster().allControllers();
    const client = as(follower);
    const pauses = Array.from({ length: 8 }, () => reasonOf(client.policies.pausePolicy({ name: 'policies/nightly' })));
    expect(new Set(await Promise.all(pauses))).toEqual(new Set(['OK']));
    expect((await as(leader).policies.getPolicy({ name: 'policies/nightly' })).policy?.paused).toBe(true);
  });
});
