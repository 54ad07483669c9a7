/** Whoever opened a stream may be given less, or his certificate may end, while it is open. */
import { describe, expect, it } from 'vitest';
import type { Accounts } from '../../../controller/access/accounts.ts';
import { Doorkeeper } from '../../../controller/access/doorkeeper.ts';
import { targetOfRun } from '../../../controller/core/calls/permitted.ts';
import type { MethodRule } from '../../../shared/access/method-access.ts';
import type { AcceptedPeer } from '../../../shared/access/peer-judge.ts';
import type { KnownCaller, RoleGrant } from '../../../shared/access/principal.ts';
import { distrust } from '../../../shared/rpc/caller.ts';

const NOW = 1_000_000;
const READS: MethodRule = { kind: 'permission', permission: 'policies.read', reach: 'RESOURCES' };
let given: readonly RoleGrant[] = [];
const accounts: Accounts = { token: () => undefined, user: () => ({ roles: given }), role: () => undefined };
const doorkeeper = new Doorkeeper({
  open: false,
  accounts: () => accounts,
  catchUp: () => undefined,
  localHash: undefined,
  keys: { known: () => undefined, refresh: () => Promise.resolve() },
  nowWall: () => NOW,
  used: () => undefined,
});

const opened = (roles: readonly RoleGrant[], expireWall = NOW + 1): KnownCaller => ({
  principal: { kind: 'user', name: 'ann', via: 'certificate', roles, expireWall },
  actor: 'operator:user/ann',
  source: '',
});

const NOT_PASSED_ON = { vouched: undefined, signature: undefined, forwardedBy: undefined, forwardedFrom: undefined };

function refusalOf(look: () => void): string {
  try {
    look();
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('an open stream', () => {
  it.each<{ readonly before: readonly RoleGrant[]; readonly after: readonly RoleGrant[]; readonly ends: boolean }>([
    { before: [{ role: 'viewer' }], after: [{ role: 'viewer' }], ends: false },
    { before: [{ role: 'viewer', pools: ['edge'] }], after: [{ role: 'operator' }], ends: false },
    { before: [{ role: 'viewer' }], after: [{ role: 'viewer', pools: ['edge'] }], ends: true },
    { before: [{ role: 'viewer', pools: ['edge'] }], after: [{ role: 'viewer', pools: ['core'] }], ends: true },
    { before: [{ role: 'viewer' }], after: [], ends: true },
  ])('of %j', ({ before, after, ends }) => {
    given = after;
    const refusal = refusalOf(() => doorkeeper.stillAdmits(opened(before), READS));
    expect(refusal).toMatch(ends ? /given has changed|you need the permission/ : /^$/);
  });

  it('ends with the certificate that it was opened with', () => {
    given = [{ role: 'viewer' }];
    expect(() => doorkeeper.stillAdmits(opened(given, NOW), READS)).toThrow('has expired');
  });

  it('ends when the authority of the certificate is trusted no more, and so does what it is used for with a token', () => {
    given = [{ role: 'viewer' }];
    const identity = { clusterId: 'c', kind: 'user' as const, name: 'ann' };
    const peer: AcceptedPeer = { identity, serial: '1', notBeforeMs: 0, notAfterMs: NOW + 1 };
    const stream = { ...opened(given), peer };
    expect(doorkeeper.stillAdmits(stream, READS)).toBeUndefined();
    distrust(peer);
    const refusal = expect.objectContaining({ reason: 'UNKNOWN_AUTHORITY' });
    expect(() => doorkeeper.stillAdmits(stream, READS)).toThrow(refusal);
    const credentials = { path: '/', address: '', authorization: 'Bearer locum_x_y', says: '', peer, ...NOT_PASSED_ON };
    expect(() => doorkeeper.identify(credentials, READS)).toThrow(refusal);
  });
});

it('a run of a policy that is gone is not judged by the labels of another one that took its name', () => {
  const policies = new Map([['nightly', { uid: 'new', spec: { pool: 'default', labels: { team: 'b' } } }]]);
  const state = { policies } as unknown as Parameters<typeof targetOfRun>[0];
  const run = (policyUid: string) => ({ policy: 'nightly', policyUid, pool: 'default' }) as never;
  expect(targetOfRun(state, run('old'))).toEqual({ pool: 'default', labels: undefined });
  expect(targetOfRun(state, run('new'))).toEqual({ pool: 'default', labels: { team: 'b' } });
});
