/** The door of the API, on a real controller: who is let in, what the others are told, and that nothing that a caller says of himself counts. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LOCAL_TOKEN_FILE } from '../../../shared/access/local-files.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { eventually } from '../controller-world.ts';
import { inAccessWorld, localTokenIn } from './access-world.ts';

const reasonOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => fromConnectError(error)?.reason ?? String(error),
  );

describe('the door of the API', () => {
  it(
    'knows the administrator of its host by a file that only he can read, and its next life knows him too',
    inAccessWorld(async ({ world, admin }) => {
      expect(statSync(join(world.folder, LOCAL_TOKEN_FILE)).mode & 0o777).toBe(0o600);
      const { actor, via, roles } = await admin.access.whoAmI({});
      expect({ actor, via, roles: roles.map(({ role }) => role) }).toEqual({
        actor: 'operator:local-admin',
        via: 'local',
        roles: ['admin'],
      });
      const before = localTokenIn(world.folder);
      await world.stop();
      await world.start({ open: false, dataDirectory: world.folder });
      expect(localTokenIn(world.folder)).toBe(before);
    }),
  );

  it(
    'is open to probes, and closed to pages, reflection and unknown methods',
    inAccessWorld(async ({ world, token }) => {
      const at = (path: string, headers: Record<string, string> = {}) =>
        fetch(`http://${world.controller.apiAddress}${path}`, { headers });
      for (const path of ['/healthz', '/livez', '/readyz']) expect((await at(path)).status).toBe(200);
      const refused = await at('/metrics');
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('Bearer');
      expect(((await refused.json()) as { code: string }).code).toBe('unauthenticated');
      const { secret } = await token({ role: 'viewer' });
      expect((await at('/metrics', { authorization: `Bearer ${secret}` })).status).toBe(200);
      const part = await token({ role: 'viewer', pools: ['edge'] });
      expect((await at('/metrics', { authorization: `Bearer ${part.secret}` })).status).toBe(403);
      for (const path of ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', '/nothing', '/locum.v1.X/Y']) {
        const answer = await fetch(`http://${world.controller.apiAddress}${path}`, { method: 'POST' });
        expect(answer.status).toBe(401);
      }
    }),
  );

  it(
    'refuses who is not known before a body has come',
    inAccessWorld(async ({ world }) => {
      const socket = connect(Number(world.controller.apiAddress.split(':').at(-1)), '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      const head = ['POST /locum.v1.ClusterService/GetStatus HTTP/1.1', 'host: localhost'];
      socket.write([...head, 'content-type: application/json', 'content-length: 1000000', '', ''].join('\r\n'));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
    }),
  );

  it(
    'believes nothing that a caller says of himself, and names the holder of a token in events and in the audit',
    inAccessWorld(async ({ admin, token, withToken }) => {
      const { secret } = await token({ role: 'operator' });
      const { policies, access } = withToken(secret);
      const headers = { 'x-locum-actor': 'root' };
      await policies.pausePolicy({ name: 'policies/job-edge' }, { headers });
      expect((await access.whoAmI({}, { headers })).actor).toBe('operator:token/tester');
      const { events } = await admin.events.listEvents({ type: 'POLICY_PAUSED' });
      expect(events.map(({ actor }) => actor)).toEqual(['operator:token/tester']);
      const { entries } = await admin.audit.listAuditEntries({ method: 'PausePolicy', log: 'CHANGES' });
      expect(entries.map(({ principal, outcome }) => [principal, outcome])).toEqual([['operator:token/tester', 'OK']]);
      for (const name of ['x-locum-forwarded', 'x-locum-vouched', 'x-locum-signature'])
        expect(await reasonOf(access.whoAmI({}, { headers: { [name]: 'c1' } }))).toMatch(
          name.endsWith('signature') ? 'OK' : 'UNAUTHENTICATED',
        );
      expect(await reasonOf(policies.createPolicy({ policy: { name: 'policies/x' } }))).toBe('PERMISSION_DENIED');
      await eventually(async () => {
        const { entries: denials } = await admin.audit.listAuditEntries({ outcome: 'PERMISSION_DENIED' });
        return (
          denials.some(
            ({ principal, method }) => principal === 'operator:token/tester' && method.endsWith('/CreatePolicy'),
          ) || undefined
        );
      });
    }),
    20_000,
  );

  it(
    'ends what a token opened once it is revoked, and forgets one that has expired',
    inAccessWorld(async ({ admin, token, withToken }) => {
      const { name, secret } = await token({ role: 'viewer' });
      const watch = withToken(secret).policies.watchPolicies({})[Symbol.asyncIterator]();
      await watch.next();
      await admin.access.revokeToken({ name });
      const end = (async () => {
        for (;;) if ((await watch.next()).done === true) return;
      })();
      expect(await reasonOf(end)).toBe('TOKEN_INVALID');
      const short = await admin.access.createToken({
        holder: 'short',
        roles: [{ role: 'viewer' }],
        ttl: { seconds: 1n },
      });
      await eventually(async () => {
        const reason = await reasonOf(withToken(short.secret).pools.listPools({}));
        return reason === 'TOKEN_INVALID' || undefined;
      });
      expect((await admin.access.listTokens({})).tokens.map(({ holder }) => holder)).not.toContain('short');
    }),
    30_000,
  );

  it(
    'shows a token once, its use to the hour, and its secret nowhere',
    inAccessWorld(async ({ world, admin, token, withToken }) => {
      const { name, secret } = await token({ role: 'viewer' });
      await withToken(secret).pools.listPools({});
      const used = await eventually(async () => {
        const { tokens } = await admin.access.listTokens({});
        return tokens.find((one) => one.name === name && one.lastUseTime !== undefined);
      });
      expect(used.creator).toBe('operator:local-admin');
      const parts: Uint8Array[] = [];
      for await (const { data } of admin.cluster.saveSnapshot({})) parts.push(data);
      const { events } = await admin.events.listEvents({});
      const { entries } = await admin.audit.listAuditEntries({});
      const all = [
        Buffer.concat(parts).toString('latin1'),
        JSON.stringify([events, entries, used], (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        ),
      ];
      for (const text of all) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(localTokenIn(world.folder));
      }
      const twice = { holder: 'twice', roles: [{ role: 'viewer' }], requestId: 'once' };
      await admin.access.createToken(twice);
      expect(await reasonOf(admin.access.createToken(twice))).toBe('ALREADY_EXISTS');
    }),
    20_000,
  );

  it(
    'lets users of certificates do what they were given, and gives no more than one has',
    inAccessWorld(async ({ admin, token, withToken }) => {
      await admin.access.setRole({
        role: { name: 'roles/giver', permissions: ['access.read', 'access.write', 'pools.read'] },
      });
      const { secret } = await token({ role: 'giver' });
      const giver = withToken(secret).access;
      expect(await reasonOf(giver.createToken({ holder: 'x', roles: [{ role: 'admin' }] }))).toBe('PERMISSION_DENIED');
      expect(await reasonOf(giver.setUser({ user: { name: 'users/x', roles: [{ role: 'viewer' }] } }))).toBe(
        'PERMISSION_DENIED',
      );
      expect(await reasonOf(giver.setRole({ role: { name: 'roles/giver', permissions: ['pools.write'] } }))).toBe(
        'PERMISSION_DENIED',
      );
      expect(await reasonOf(giver.setRole({ role: { name: 'roles/small', permissions: ['pools.read'] } }))).toBe('OK');
      expect(await reasonOf(giver.createToken({ holder: 'x', roles: [{ role: 'small' }] }))).toBe('OK');
      expect((await giver.checkAccess({ permission: 'pools.read' })).allowed).toBe(true);
      expect((await giver.checkAccess({ permission: 'pools.write' })).allowed).toBe(false);
      expect((await giver.checkAccess({ permission: 'pools.read', resource: 'policies/none' })).allowed).toBe(true);
      expect(await reasonOf(giver.checkAccess({ permission: 'pools.eat' }))).toBe('INVALID_FIELD');
    }),
    20_000,
  );
});
