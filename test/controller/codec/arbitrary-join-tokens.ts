/** Random join tokens. */
import fc from 'fast-check';
import type { JoinToken } from '../../../controller/core/records/join-token.ts';
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
    fc.record({ kind: fc.constant('USED' as const), endWall: wall, server, keyHash: text }),
    fc.record({ kind: fc.constantFrom('REVOKED' as const, 'EXPIRED' as const), endWall: wall }),
  ),
});
