import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { cancelledWatch, etcdStoreError, faultOf } from '../../controller/store/etcd/fault.ts';

const answer = (code: status, details: string): ServiceError =>
  Object.assign(new Error(details), { code, details, metadata: new Metadata() });

describe('what etcd says', () => {
  it.each([
    [status.UNAVAILABLE, 'connection refused', 'unknown'],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'full'],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', 'busy'],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted', 'compacted'],
    [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision', 'future'],
    [status.INVALID_ARGUMENT, 'etcdserver: request is too large', 'too_large'],
    [status.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'unauthenticated'],
    [status.PERMISSION_DENIED, 'etcdserver: permission denied', 'refused'],
    [status.PERMISSION_DENIED, 'anything else', 'refused'],
  ])('with code %i, "%s" means %s', (code, details, kind) => {
    expect(faultOf('127.0.0.1:2379', answer(code, details)).kind).toBe(kind);
  });

  it('of a watch that it ends is final only where a new one would be ended as well', () => {
    const denied = cancelledWatch('a:1', 'rpc error: code = PermissionDenied desc = etcdserver: permission denied');
    expect(denied.kind).toBe('refused');
    expect(etcdStoreError(denied)).toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: 'etcd at a:1: rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    });
    expect(cancelledWatch('a:1', '').kind).toBe('unknown');
  });
});
