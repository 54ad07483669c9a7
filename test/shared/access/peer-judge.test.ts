import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AcceptedPeer,
  judgeAgain,
  judgePeer,
  type PeerCertificate,
  type PeerRule,
} from '../../../shared/access/peer-judge.ts';

const NOW = 1_000_000;
const good: PeerCertificate = {
  serial: '1f',
  notBeforeMs: NOW - 10,
  notAfterMs: NOW + 10,
  uris: ['spiffe://c/server/web-1'],
  chainProblem: undefined,
};
const rule: PeerRule = { clusterId: 'c', kinds: ['server'] };
const reasonOf = (changed: Partial<PeerCertificate>, changedRule: Partial<PeerRule> = {}): string => {
  const verdict = judgePeer({ ...good, ...changed }, { ...rule, ...changedRule }, NOW);
  return verdict.kind === 'refused' ? verdict.reason : 'accepted';
};

describe('a peer', () => {
  it('is let in by a certificate of ours, and is who that says', () => {
    expect(judgePeer(good, rule, NOW)).toMatchObject({
      kind: 'accepted',
      peer: { identity: { clusterId: 'c', kind: 'server', name: 'web-1' }, serial: '1f' },
    });
  });

  it('is refused without a certificate', () => {
    expect(judgePeer(undefined, rule, NOW)).toMatchObject({ reason: 'NO_CERTIFICATE' });
  });

  it.each([
    ['NOT_YET_VALID', { notBeforeMs: NOW + 1 }, {}],
    ['EXPIRED', { notAfterMs: NOW }, {}],
    ['EXPIRED', { notAfterMs: NOW - 1, chainProblem: 'CERT_HAS_EXPIRED' }, {}],
    ['NOT_YET_VALID', { notBeforeMs: Number.NaN }, {}],
    ['EXPIRED', { notAfterMs: Number.NaN }, {}],
    ['UNKNOWN_AUTHORITY', { chainProblem: 'SELF_SIGNED_CERT_IN_CHAIN' }, {}],
    ['UNKNOWN_AUTHORITY', { chainProblem: 'CERT_HAS_EXPIRED' }, {}],
    ['UNKNOWN_AUTHORITY', { chainProblem: '' }, {}],
    ['NO_IDENTITY', { uris: [] }, {}],
    ['NO_IDENTITY', { uris: ['https://web-1'] }, {}],
    ['NO_IDENTITY', { uris: ['spiffe://c/server/web-1', 'spiffe://c/server/web-2'] }, {}],
    ['OTHER_CLUSTER', { uris: ['spiffe://d/server/web-1'] }, {}],
    ['WRONG_KIND', { uris: ['spiffe://c/user/web-1'] }, {}],
    ['WRONG_KIND', {}, { kinds: [] }],
    ['WRONG_NAME', {}, { name: 'web-2' }],
  ])('is refused with %s: %o %o', (reason, changed, changedRule) => {
    expect(reasonOf(changed, changedRule)).toBe(reason);
  });

  it('that was let in is refused later when its time is over or somebody else is wanted', () => {
    const peer: AcceptedPeer = { ...good, identity: { clusterId: 'c', kind: 'server', name: 'web-1' } };
    expect(judgeAgain(peer, rule, NOW)).toBeUndefined();
    expect(judgeAgain(peer, rule, NOW + 10)).toMatchObject({ reason: 'EXPIRED' });
    expect(judgeAgain(peer, { ...rule, kinds: ['user'] }, NOW)).toMatchObject({ reason: 'WRONG_KIND' });
  });

  it('is never let in unless everything about it is right', () => {
    const time = fc.constantFrom(NOW - 1, NOW, NOW + 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const uri = fc.constantFrom('spiffe://c/server/web-1', 'spiffe://c/user/web-1', 'spiffe://d/server/web-1', '');
    const certificate = fc.record({
      serial: fc.constant('1f'),
      notBeforeMs: time,
      notAfterMs: time,
      uris: fc.array(uri, { maxLength: 2 }),
      chainProblem: fc.constantFrom(undefined, '', 'CERT_HAS_EXPIRED'),
    });
    fc.assert(
      fc.property(certificate, (given) => {
        const right =
          given.notBeforeMs <= NOW &&
          given.notAfterMs > NOW &&
          given.chainProblem === undefined &&
          given.uris.join() === 'spiffe://c/server/web-1';
        expect(judgePeer(given, rule, NOW).kind).toBe(right ? 'accepted' : 'refused');
      }),
      { numRuns: 2_000 },
    );
  });
});
