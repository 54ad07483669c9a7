import { describe, expect, it } from 'vitest';
import { rolesOf, userOf } from '../../../../controller/access/oidc/claims.ts';
import type { RoleGrant } from '../../../../shared/access/principal.ts';

const bySub = { userClaim: 'sub', userPrefix: '' };
const admin: RoleGrant = { role: 'admin' };
const viewer: RoleGrant = { role: 'viewer', pools: ['edge'] };

const given = (claims: Record<string, unknown>, claim: string, value: string): readonly RoleGrant[] =>
  rolesOf(claims, [{ claim, value, roles: [admin] }]);

describe('the claims of a token', () => {
  it('name the user, with the prefix of the provider', () => {
    expect(userOf({ sub: 'auth0|5f7c' }, bySub)).toBe('auth0|5f7c');
    expect(userOf({ sub: 'x', user: { id: 'ann' } }, { userClaim: 'user.id', userPrefix: 'corp-' })).toBe('corp-ann');
  });

  it.each([undefined, '', 7, ['ann'], 'ann smith', 'ann\n', 'ann\u001b[2J', 'änn', 'a'.repeat(129)])(
    'name nobody by %j',
    (sub) => {
      expect(() => userOf({ sub }, bySub)).toThrow('does not say who has it in the claim "sub"');
    },
  );

  it('name nobody by an email that the provider has not verified', () => {
    const byEmail = { userClaim: 'email', userPrefix: '' };
    expect(userOf({ email: 'ann@example.com', email_verified: true }, byEmail)).toBe('ann@example.com');
    for (const email_verified of [false, undefined, 'no', 1])
      expect(() => userOf({ email: 'ann@example.com', email_verified }, byEmail)).toThrow('verified');
  });

  it('give nothing for an email that the provider has not verified, wherever it stands', () => {
    expect(given({ email: 'boss@example.com', email_verified: false }, 'email', 'boss@example.com')).toEqual([]);
    expect(given({ email: 'boss@example.com', email_verified: true }, 'email', 'boss@example.com')).not.toEqual([]);
    expect(given({ profile: { email: 'b@x' } }, 'profile.email', 'b@x')).toEqual([]);
    expect(given({ profile: { email: 'b@x', email_verified: 'true' } }, 'profile.email', 'b@x')).not.toEqual([]);
  });

  it('name nobody by what every object has', () => {
    expect(() => userOf({}, { userClaim: 'constructor.name', userPrefix: '' })).toThrow('does not say');
    expect(given({}, 'constructor.name', 'Object')).toEqual([]);
  });

  it('give roles by a text, by one of a list, by a path, and by a name with dots', () => {
    expect(given({ team: 'sre' }, 'team', 'sre')).toEqual([admin]);
    expect(given({ groups: ['dev', 'sre'] }, 'groups', 'sre')).toEqual([admin]);
    expect(given({ realm_access: { roles: ['sre'] } }, 'realm_access.roles', 'sre')).toEqual([admin]);
    expect(given({ 'https://example.com/roles': ['sre'] }, 'https://example.com/roles', 'sre')).toEqual([admin]);
    expect(given({ is_admin: true }, 'is_admin', 'true')).toEqual([admin]);
    expect(given({ scope: 'openid locum:admin' }, 'scope', 'locum:admin')).toEqual([admin]);
  });

  it('give nothing by a part of a text, another case, an empty list or something inside of something else', () => {
    expect(given({ team: 'sre-trainees' }, 'team', 'sre')).toEqual([]);
    expect(given({ team: 'dev sre' }, 'team', 'sre')).toEqual([]);
    expect(given({ team: 'SRE' }, 'team', 'sre')).toEqual([]);
    expect(given({ groups: [] }, 'groups', 'sre')).toEqual([]);
    expect(given({ groups: [['sre']] }, 'groups', 'sre')).toEqual([]);
    expect(given({ groups: { sre: true } }, 'groups', 'sre')).toEqual([]);
    expect(given({ groups: null }, 'groups.sre', 'sre')).toEqual([]);
  });

  it('give all that they match', () => {
    const rules = [
      { claim: 'groups', value: 'sre', roles: [viewer] },
      { claim: 'groups', value: 'boss', roles: [admin] },
      { claim: 'groups', value: 'nobody', roles: [{ role: 'operator' }] },
    ];
    expect(rolesOf({ groups: ['boss', 'sre'] }, rules)).toEqual([viewer, admin]);
  });
});
