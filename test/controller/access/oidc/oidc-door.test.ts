/** A closed controller that takes tokens of an identity provider: who gets in, for how long, and that nobody else waits for it. */
import { describe, expect, it } from 'vitest';
import type { ProviderSettings } from '../../../../controller/access/oidc/provider-settings.ts';
import { fromConnectError } from '../../../../shared/rpc/status-details.ts';
import { type Clients, ControllerWorld, clientsOf } from '../../controller-world.ts';
import { localTokenIn } from '../access-world.ts';
import { LocalIssuer } from './local-issuer.ts';

interface DoorWorld {
  readonly issuer: LocalIssuer;
  readonly world: ControllerWorld;
  readonly admin: Clients;
  readonly withToken: (token: string) => Clients;
}

const reasonOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => fromConnectError(error)?.reason ?? String(error),
  );

function inDoorWorld(body: (world: DoorWorld) => Promise<void>, more: Partial<ProviderSettings> = {}) {
  return async (): Promise<void> => {
    const issuer = await LocalIssuer.start();
    const world = await ControllerWorld.start();
    try {
      await world.stop();
      await world.start({ open: false, dataDirectory: world.folder, identityProviders: [issuer.settings(more)] });
      const withToken = (token: string): Clients => clientsOf(world.controller.apiAddress, token);
      await body({ issuer, world, withToken, admin: withToken(localTokenIn(world.folder)) });
    } finally {
      await world.dispose();
      await issuer.close();
    }
  };
}

const sre = { claim: 'groups', value: 'sre', roles: [{ role: 'operator', pools: ['default'] }] };

describe('the door of the API, with an identity provider', () => {
  it(
    'gives what claims say and what the user was given, and names him in the audit',
    inDoorWorld(
      async ({ issuer, admin, withToken }) => {
        const exp = Math.floor(Date.now() / 1_000) + 120;
        const ann = withToken(await issuer.token({ claims: { groups: ['dev', 'sre'], exp } }));
        const first = await ann.access.whoAmI({});
        expect(first).toMatchObject({ actor: 'operator:user/ann', via: 'oidc' });
        expect(first.roles).toMatchObject([{ role: 'operator', pools: ['default'] }]);
        expect(first.expireTime?.seconds).toBe(BigInt(exp + 30));
        expect(await reasonOf(ann.pools.createPool({ pool: { name: 'pools/mine' } }))).toBe('PERMISSION_DENIED');
        await admin.access.setUser({ user: { name: 'users/ann', roles: [{ role: 'admin' }] } });
        expect((await ann.access.whoAmI({})).roles.map(({ role }) => role)).toEqual(['operator', 'admin']);
        expect(await reasonOf(ann.pools.createPool({ pool: { name: 'pools/mine' } }))).toBe('OK');
        const { entries } = await admin.audit.listAuditEntries({ method: 'CreatePool', log: 'CHANGES' });
        expect(entries.map(({ principal }) => principal)).toContain('operator:user/ann');
      },
      { claimRoles: [sre] },
    ),
  );

  it(
    'lets nobody in whom claims give nothing, and refuses what is forged, each with its reason',
    inDoorWorld(async ({ issuer, withToken }) => {
      const good = withToken(await issuer.token());
      expect((await good.access.whoAmI({})).roles).toEqual([]);
      expect(await reasonOf(good.pools.listPools({}))).toBe('PERMISSION_DENIED');
      const other = withToken(await issuer.token({ claims: { aud: 'other' } }));
      expect(await reasonOf(other.access.whoAmI({}))).toBe('TOKEN_INVALID');
      const old = withToken(await issuer.token({ at: Date.now() / 1_000 - 3_600 }));
      expect(await reasonOf(old.access.whoAmI({}))).toBe('TOKEN_INVALID');
    }),
  );

  it(
    'ends what somebody opened when his token does, or when what he was given is taken away',
    inDoorWorld(
      async ({ issuer, admin, withToken }) => {
        await admin.access.setUser({ user: { name: 'users/bob', roles: [{ role: 'viewer' }] } });
        const endOf = async (clients: Clients): Promise<string> =>
          reasonOf(
            (async () => {
              for await (const _ of clients.policies.watchPolicies({})) void _;
            })(),
          );
        const now = Math.floor(Date.now() / 1_000);
        const short = withToken(await issuer.token({ claims: { groups: ['sre'], exp: now + 2 } }));
        const bob = withToken(await issuer.token({ claims: { sub: 'bob' } }));
        const watch = bob.policies.watchPolicies({})[Symbol.asyncIterator]();
        await watch.next();
        const ends = endOf(short);
        await admin.access.deleteUser({ name: 'users/bob' });
        const rest = (async () => {
          for (;;) if ((await watch.next()).done === true) return;
        })();
        expect(await reasonOf(rest)).toBe('PERMISSION_DENIED');
        expect(await ends).toBe('TOKEN_INVALID');
      },
      { claimRoles: [sre], clockSkewMs: 0 },
    ),
    40_000,
  );

  it('starts while the provider is away, and lets everybody else in while one waits for it', async () => {
    const issuer = await LocalIssuer.start();
    const world = await ControllerWorld.start();
    try {
      await world.stop();
      const asked = Promise.withResolvers<void>();
      issuer.instead = () => asked.resolve();
      await world.start({ open: false, dataDirectory: world.folder, identityProviders: [issuer.settings()] });
      await asked.promise;
      const of = (token: string): Clients => clientsOf(world.controller.apiAddress, token);
      const waiting = reasonOf(of(await issuer.token()).access.whoAmI({}));
      const first = await Promise.race([
        waiting,
        of(localTokenIn(world.folder))
          .access.whoAmI({})
          .then(({ actor }) => actor),
      ]);
      expect(first).toBe('operator:local-admin');
      expect(await waiting).toBe('PROVIDER_UNAVAILABLE');
    } finally {
      await world.dispose();
      await issuer.close();
    }
  }, 30_000);
});
