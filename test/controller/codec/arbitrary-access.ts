/** Random roles, tokens and users. */
import fc from 'fast-check';
import type { RoleRecord, TokenRecord, UserRecord } from '../../../controller/core/records/access-record.ts';
import { ALL_PERMISSIONS } from '../../../shared/access/permissions.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import { text, userId, wall, word } from './arbitrary-values.ts';

const grants: fc.Arbitrary<RoleGrant> = fc.record(
  {
    role: userId,
    pools: fc.array(userId, { minLength: 1, maxLength: 3 }),
    policyLabels: fc.dictionary(word(/^[a-z]{1,8}$/), text, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['role'] },
);

export const roles: fc.Arbitrary<RoleRecord> = fc.record({
  kind: fc.constant('role' as const),
  name: userId,
  permissions: fc.uniqueArray(fc.constantFrom(...ALL_PERMISSIONS)),
  runAs: fc.uniqueArray(userId),
  updateWall: wall,
});

export const tokens: fc.Arbitrary<TokenRecord> = fc.record({
  kind: fc.constant('token' as const),
  id: word(/^[a-z0-9]{1,20}$/),
  ...{ holder: text, secretHash: text, creator: text, roles: fc.array(grants, { maxLength: 3 }) },
  ...{ createWall: wall, expireWall: wall, lastUseWall: fc.option(wall, { nil: undefined }) },
});

export const users: fc.Arbitrary<UserRecord> = fc.record({
  kind: fc.constant('user' as const),
  name: word(/^[A-Za-z0-9.@-]{1,20}$/),
  roles: fc.array(grants, { maxLength: 3 }),
  updateWall: wall,
});
