import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { decodeCandidate, encodeCandidate } from '../../../controller/replication/candidate.ts';
import {
  FORWARDED_HEADER,
  headersBack,
  headersOnward,
  makeRepeatable,
  SOURCE_HEADER,
  timeoutOf,
} from '../../../controller/replication/forwarded-call.ts';
import { ClusterService } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import { FenceService } from '../../../shared/gen/locum/v1/fence_service_pb.ts';
import { PolicyService } from '../../../shared/gen/locum/v1/policy_service_pb.ts';

describe('a call that is passed on', () => {
  it('says who asks, from where, and who passes it on, and nothing of the protocol it came by', () => {
    const onward = headersOnward(
      new Headers({
        'x-locum-actor': 'ann',
        [SOURCE_HEADER]: 'a lie',
        'x-locum-signature': 'a lie',
        authorization: 'Bearer secret',
        'content-type': 'application/json',
        'grpc-timeout': '5S',
        te: 'trailers',
      }),
      { self: 'c2', source: '192.0.2.7', vouched: { 'x-locum-vouched': 'ann' } },
    );
    expect(Object.fromEntries(onward)).toEqual({
      'x-locum-actor': 'ann',
      [FORWARDED_HEADER]: 'c2',
      [SOURCE_HEADER]: '192.0.2.7',
      'x-locum-vouched': 'ann',
    });
  });

  it('has as much time as its caller gave, in the words of either protocol', () => {
    expect(timeoutOf(new Headers({ 'grpc-timeout': '250m' }))).toBe(250);
    expect(timeoutOf(new Headers({ 'connect-timeout-ms': '1500' }))).toBe(1_500);
    expect(timeoutOf(new Headers())).toBeUndefined();
  });

  it('gets a request_id when it changes something and has none, and keeps the one it has', () => {
    const { startPolicy } = PolicyService.method;
    const bare = makeRepeatable(startPolicy, create(startPolicy.input, { name: 'policies/a' }));
    expect(bare).toMatchObject({ repeatable: true, message: { requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    const named = makeRepeatable(startPolicy, create(startPolicy.input, { name: 'policies/a', requestId: 'mine' }));
    expect(named).toMatchObject({ repeatable: true, message: { requestId: 'mine' } });
  });

  it('may be repeated when it only reads, and not when it changes something without an id', () => {
    const { getStatus, transferLeadership } = ClusterService.method;
    const { checkFence } = FenceService.method;
    expect(makeRepeatable(getStatus, create(getStatus.input)).repeatable).toBe(true);
    expect(makeRepeatable(checkFence, create(checkFence.input)).repeatable).toBe(true);
    expect(makeRepeatable(transferLeadership, create(transferLeadership.input)).repeatable).toBe(false);
  });

  it('is answered in the protocol that it came by', () => {
    const grpc = headersBack(new Headers({ 'content-type': 'application/grpc+proto' }));
    expect([grpc.header.get('content-type'), grpc.trailer.get('grpc-status')]).toEqual(['application/grpc+proto', '0']);
    const json = headersBack(new Headers({ 'content-type': 'application/json' }));
    expect([json.header.get('content-type'), json.trailer.get('grpc-status')]).toEqual(['application/json', null]);
  });
});

describe('a candidate', () => {
  it('is read as it was written, with fields of newer versions left out', () => {
    const candidate = { id: 'c1', api: 'a:1', agent: 'a:2', version: '1' };
    expect(decodeCandidate(encodeCandidate(candidate))).toEqual(candidate);
    expect(decodeCandidate(JSON.stringify({ ...candidate, zone: 'x' }))).toEqual(candidate);
  });

  it('that can not be read is one that can not be reached', () => {
    for (const text of ['', 'host:123', '[]', '{"id":7}']) {
      expect(decodeCandidate(text)).toEqual({ id: 'unknown', api: '', agent: '', version: '' });
    }
  });
});
