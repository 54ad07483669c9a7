import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPeerIdentity, type PeerIdentity, parseSpiffe, spiffeOf } from '../../../shared/access/identity.ts';

const id = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const cluster = fc.stringMatching(/^[a-z0-9._-]{1,40}$/);
const identity: fc.Arbitrary<PeerIdentity> = fc.oneof(
  fc.record({ clusterId: cluster, kind: fc.constant('server' as const), name: id }),
  fc.record({ clusterId: cluster, kind: fc.constant('server' as const), name: id, pool: id }),
  fc.record({ clusterId: cluster, kind: fc.constant('controller' as const), name: id }),
  fc.record({
    clusterId: cluster,
    kind: fc.constant('user' as const),
    name: fc.stringMatching(/^[A-Za-z0-9_-]{1,30}$/),
  }),
);

it('an identity is read back from its SPIFFE id', () => {
  fc.assert(
    fc.property(identity, (given) => {
      expect(parseSpiffe(spiffeOf(given))).toEqual(given);
    }),
  );
});

it('a text is either exactly the SPIFFE id of what is read from it, or nothing is read', () => {
  const put = fc.constantFrom('', '/', '%2f', ' ', 'A', '\0', '?a', '#a', '..', '\n');
  fc.assert(
    fc.property(identity, fc.nat(80), put, (given, at, added) => {
      const uri = spiffeOf(given);
      const text = uri.slice(0, at) + added + uri.slice(at);
      const read = parseSpiffe(text);
      expect(read === undefined ? text : spiffeOf(read)).toBe(text);
    }),
  );
});

it.each([
  '',
  'spiffe://c',
  'spiffe://c/server',
  'spiffe:///server/web-1',
  'spiffe://c/server/web-1/',
  'spiffe://c/server/web-1/pool/',
  'spiffe://c/server/Web-1',
  'spiffe://C/server/web-1',
  'SPIFFE://c/server/web-1',
  'spiffe://c:1/server/web-1',
  'spiffe://u@c/server/web-1',
  'spiffe://c/controller/c1/pool/edge',
  'spiffe://c/user/ann/pool/edge',
  'spiffe://c/user/..',
  'spiffe://c/user/a%20b',
  'spiffe://c/root/web-1',
  `spiffe://c/user/${'a'.repeat(129)}`,
  'https://c/server/web-1',
])('"%s" is nobody', (uri) => {
  expect(parseSpiffe(uri)).toBeUndefined();
});

it('there is no SPIFFE id for a name that could be read as another', () => {
  const bad: PeerIdentity = { clusterId: 'c', kind: 'server', name: 'web-1/pool/edge' };
  expect(isPeerIdentity(bad)).toBe(false);
  expect(() => spiffeOf(bad)).toThrow(RangeError);
});
