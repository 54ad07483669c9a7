/** A follower signs for whom it passes a call on, and the leader believes that, nobody else's word, and for that method only. */
import { describe, expect, it } from 'vitest';
import type { Accounts } from '../../../controller/access/accounts.ts';
import { type Credentials, Doorkeeper } from '../../../controller/access/doorkeeper.ts';
import { SIGNATURE_HEADER, VOUCHED_HEADER, Vouching } from '../../../controller/access/vouching.ts';
import type { MethodRule } from '../../../shared/access/method-access.ts';
import { type KnownCaller, NOBODY, type Principal, type RoleGrant } from '../../../shared/access/principal.ts';
import { LocumError } from '../../../shared/errors.ts';

const PATH = '/locum.v1.PolicyService/StartPolicy';
const KNOWN: MethodRule = { kind: 'known' };
const EVERYBODY: MethodRule = { kind: 'everybody' };
const NOW = 1_000_000;
const follower = new Vouching('c2');
const operator: RoleGrant = { role: 'operator' };

const accounts: Accounts = {
  token: () => undefined,
  user: (name) => (name === 'ann' ? { roles: [operator] } : undefined),
  role: () => undefined,
};

const leader = new Doorkeeper({
  open: false,
  accounts: () => accounts,
  catchUp: () => undefined,
  localHash: undefined,
  keys: { known: (id) => (id === 'c2' ? follower.publicKey : undefined), refresh: () => Promise.resolve() },
  nowWall: () => NOW,
  used: () => undefined,
});

const credentials = (headers: Readonly<Record<string, string>>, path = PATH): Credentials => ({
  path,
  address: '192.0.2.2',
  authorization: undefined,
  peer: undefined,
  says: 'root',
  vouched: headers[VOUCHED_HEADER],
  signature: headers[SIGNATURE_HEADER],
  forwardedBy: 'c2',
  forwardedFrom: 'a lie',
});

const callerOf = (principal: Principal): KnownCaller => ({
  principal,
  actor: `operator:user/${principal.name}`,
  source: '192.0.2.7',
});

const ann = (more: Partial<Principal> = {}): Principal => ({
  kind: 'user',
  name: 'ann',
  via: 'certificate',
  roles: [],
  ...more,
});

async function arrival(
  headers: Readonly<Record<string, string>>,
  path = PATH,
  rule: MethodRule = KNOWN,
): Promise<KnownCaller | string> {
  try {
    return await leader.identify(credentials(headers, path), rule);
  } catch (error) {
    if (error instanceof LocumError) return error.reason;
    throw error;
  }
}

describe('a call that another controller passes on', () => {
  it('is of whom that one let in, with what the leader knows he was given, and where he called from', async () => {
    const claims = ann({ roles: [{ role: 'admin' }] });
    const arrived = await arrival(follower.vouchFor(PATH, callerOf(claims)));
    expect(arrived).toEqual({
      principal: ann({ roles: [operator] }),
      actor: 'operator:user/ann',
      source: '192.0.2.7 via c2',
    });
  });

  it('carries what a token of an identity provider gave, until that ends', async () => {
    const claimed = { roles: [{ role: 'viewer', pools: ['edge'] }], expireWall: NOW + 1 };
    const principal = ann({ via: 'oidc', claimed });
    const arrived = await arrival(follower.vouchFor(PATH, callerOf(principal)));
    expect(arrived).toMatchObject({ principal: { roles: [{ role: 'viewer', pools: ['edge'] }, operator] } });
    const ended = ann({ via: 'oidc', claimed: { ...claimed, expireWall: NOW } });
    expect(await arrival(follower.vouchFor(PATH, callerOf(ended)))).toBe('TOKEN_INVALID');
    expect(await arrival(follower.vouchFor(PATH, callerOf(ann({ via: 'oidc' }))))).toBe('TOKEN_INVALID');
  });

  it('is nobody’s when it is for another method, was changed, is signed by another, or says what can not be', async () => {
    const good = follower.vouchFor(PATH, callerOf(ann()));
    expect(await arrival(good, '/locum.v1.PolicyService/DeletePolicy')).toBe('UNAUTHENTICATED');
    const other = follower.vouchFor(PATH, callerOf(ann({ name: 'root' })));
    expect(await arrival({ ...good, [VOUCHED_HEADER]: other[VOUCHED_HEADER] ?? '' })).toBe('UNAUTHENTICATED');
    expect(await arrival(new Vouching('c2').vouchFor(PATH, callerOf(ann())))).toBe('UNAUTHENTICATED');
    expect(await arrival(new Vouching('c9').vouchFor(PATH, callerOf(ann())))).toBe('UNAUTHENTICATED');
    const nobody: Principal = { kind: 'anonymous', name: '', via: 'none', roles: [{ role: 'admin' }] };
    expect(await arrival(follower.vouchFor(PATH, callerOf(nobody)))).toBe('UNAUTHENTICATED');
    const odd = { roles: [{ pools: ['edge'] }], expireWall: NOW + 1 } as unknown as Principal['claimed'] & object;
    expect(await arrival(follower.vouchFor(PATH, callerOf(ann({ via: 'oidc', claimed: odd }))))).toBe(
      'UNAUTHENTICATED',
    );
  });
});

describe('a call that needs no name, passed on by another controller', () => {
  const JOIN = '/locum.v1.EnrolmentService/Join';
  const fromHost: KnownCaller = { ...callerOf(NOBODY), actor: 'operator' };
  const joining = (headers: Readonly<Record<string, string>>) => arrival(headers, JOIN, EVERYBODY);

  it('comes from where that one says, and from nobody', async () => {
    const expected = { principal: NOBODY, actor: 'operator', source: '192.0.2.7 via c2' };
    expect(await joining(follower.vouchFor(JOIN, fromHost))).toEqual(expected);
    // Nor is it somebody's who is known there.
    expect(await joining(follower.vouchFor(JOIN, callerOf(ann())))).toEqual(expected);
  });

  it('is refused when that one did not sign it, and without a signature comes from where it does', async () => {
    expect(await joining(new Vouching('c2').vouchFor(JOIN, fromHost))).toBe('UNAUTHENTICATED');
    expect(await joining({})).toEqual({ principal: NOBODY, actor: 'operator', source: '192.0.2.2' });
  });

  it('opens no method that asks who calls', async () => {
    expect(await arrival(follower.vouchFor(PATH, fromHost))).toBe('UNAUTHENTICATED');
  });
});
