/** Random join tokens, revocations and authorities. */
import fc from 'fast-check';
import type { AuthorityRecord, AuthorityRoot } from '../../../controller/core/records/authority.ts';
import type { JoinToken } from '../../../controller/core/records/join-token.ts';
import type { Revocation } from '../../../controller/core/records/revocation.ts';
import { optional, pool, server, text, wall, word } from './arbitrary-values.ts';

export const joinTokens: fc.Arbitrary<JoinToken> = fc.record({
  kind: fc.constant('join_token' as const),
  id: word(/^[a-z2-7]{10}$/),
  secretHash: text,
  server: optional(server),
  serverPattern: word(/^[a-z*-]{0,8}$/),
  pool: optional(pool),
  creator: text,
  createWall: wall,
  expireWall: wall,
  state: fc.oneof(
    fc.constant({ kind: 'ACTIVE' as const }),
    fc.record({ kind: fc.constant('USED' as const), endWall: wall, server, keyHash: text, source: text }),
    fc.record({ kind: fc.constantFrom('REVOKED' as const, 'EXPIRED' as const), endWall: wall }),
  ),
});

export const revocations: fc.Arbitrary<Revocation> = fc.record({
  kind: fc.constant('revocation' as const),
  ...{ server, beforeWall: wall, creator: text, reason: text, deleted: fc.boolean() },
});

const roots = (hash: string): fc.Arbitrary<AuthorityRoot> =>
  fc.record(
    {
      ...{ hash: fc.constant(hash), certPem: text, expireWall: wall },
      wrapped: fc.record({ by: text, data: fc.uint8Array() }),
    },
    { requiredKeys: ['hash', 'certPem', 'expireWall'] },
  );

export const authorities: fc.Arbitrary<AuthorityRecord> = fc.record({
  kind: fc.constant('authority' as const),
  phase: fc.constantFrom('STEADY' as const, 'TRUSTING' as const, 'RENEWING' as const),
  roots: fc.oneof(fc.tuple(roots('sha256:aa')), fc.tuple(roots('sha256:aa'), roots('sha256:bb'))),
  ...{ endorsements: text, sinceWall: optional(wall), creator: text },
});
