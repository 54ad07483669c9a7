import { Code, ConnectError } from '@connectrpc/connect';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type ErrorReason, errorCodes, LocumError } from '../../shared/errors.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
} from '../../shared/gen/google/rpc/error_details_pb.ts';
import { fromGrpcError, toGrpcError } from '../../shared/rpc/grpc-status.ts';
import { annotate, fromConnectError, reasonOf, toConnectError } from '../../shared/rpc/status-details.ts';

const full = new LocumError('POOL_IN_USE', 'pools/a has servers: move them first', {
  metadata: { servers: '3' },
  fieldViolations: [{ field: 'name', description: 'names a pool in use' }],
  resource: 'pools/a',
  retryAfterMs: 1_500,
});

const facts = ({ reason, message, metadata, fieldViolations, resource, retryAfterMs }: LocumError) => ({
  ...{ reason, message, metadata, fieldViolations, resource, retryAfterMs },
});

describe('an error of ours', () => {
  it('comes back from Connect as it was', () => {
    const back = fromConnectError(toConnectError(full));
    expect(back && facts(back)).toEqual(facts(full));
  });

  it('comes back from gRPC as it was', () => {
    const { code, details, metadata } = toGrpcError(full);
    const back = fromGrpcError({ code, details, metadata });
    expect(back && facts(back)).toEqual(facts(full));
  });

  it.each(Object.entries(errorCodes))('%s has the same code everywhere: %s', (name, code) => {
    const reason = Object.keys(errorCodes).find((key): key is ErrorReason => key === name) ?? 'INTERNAL';
    const error = new LocumError(reason, 'x');
    expect(toGrpcError(error).code).toBe(grpc.status[code]);
    expect(toConnectError(error).code).toBe(grpc.status[code]);
  });

  it('has the details of google.rpc that fit', () => {
    const sent = toConnectError(full);
    expect(sent.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'POOL_IN_USE', domain: 'locum' }]);
    expect(sent.findDetails(BadRequestSchema)).toMatchObject([{ fieldViolations: [{ field: 'name' }] }]);
    expect(sent.findDetails(PreconditionFailureSchema)).toMatchObject([
      { violations: [{ type: 'POOL_IN_USE', subject: 'pools/a' }] },
    ]);
    expect(sent.findDetails(ResourceInfoSchema)).toMatchObject([
      { resourceType: 'locum.v1.Pool', resourceName: 'pools/a' },
    ]);
  });

  it('has a ResourceInfo of the right type also for policies', () => {
    const sent = toConnectError(new LocumError('NOT_FOUND', 'x', { resource: 'policies/a' }));
    expect(sent.findDetails(ResourceInfoSchema)).toMatchObject([{ resourceType: 'locum.v1.Policy' }]);
  });
});

describe('what is no error of ours', () => {
  it('becomes INTERNAL, with the cause kept on this side', () => {
    const sent = toConnectError(new TypeError('secret inside'));
    expect([sent.code, reasonOf(sent)]).toEqual([Code.Internal, 'INTERNAL']);
    expect(sent.message).not.toContain('secret');
    expect(sent.cause).toEqual(new TypeError('secret inside'));
    expect(toGrpcError('secret').details).not.toContain('secret');
  });

  it('has no reason when the caller gave up', () => {
    const sent = toConnectError(new DOMException('gone', 'AbortError'));
    expect([sent.code, reasonOf(sent)]).toEqual([Code.Canceled, undefined]);
  });

  it('that is too large is told in figures, not in options of the library', () => {
    const error = new ConnectError(
      'message size 300 is larger than configured readMaxBytes 200',
      Code.ResourceExhausted,
    );
    annotate(error);
    expect(error.rawMessage).toBe(
      'the message has 300 bytes, more than the 200 that are taken: send it in parts, or leave something out',
    );
  });

  it('has the reason of the signal that ended the waiting, if that had one', () => {
    const why = new LocumError('NOT_LEADER', 'this controller stops');
    const sent = toConnectError(Object.assign(new Error('aborted', { cause: why }), { name: 'AbortError' }));
    expect([sent.code, reasonOf(sent)]).toEqual([Code.Unavailable, 'NOT_LEADER']);
  });

  it.each([
    [Code.ResourceExhausted, 'x', 'MESSAGE_TOO_LARGE', Code.ResourceExhausted],
    [Code.Unimplemented, 'x', 'UNIMPLEMENTED', Code.Unimplemented],
    [Code.InvalidArgument, 'x', 'INVALID_FIELD', Code.InvalidArgument],
    [Code.Internal, 'parse binary: premature EOF', 'INVALID_FIELD', Code.InvalidArgument],
    [Code.Internal, 'x', 'INTERNAL', Code.Internal],
    [Code.Canceled, 'x', undefined, Code.Canceled],
    [Code.DeadlineExceeded, 'x', undefined, Code.DeadlineExceeded],
  ])('gets a reason when the library made it: code %i, "%s"', (code, message, reason, sentAs) => {
    const error = new ConnectError(message, code);
    annotate(error);
    annotate(error);
    expect([reasonOf(error), error.code]).toEqual([reason, sentAs]);
    expect(error.findDetails(ErrorInfoSchema)).toHaveLength(reason === undefined ? 0 : 1);
  });

  it('is not read as one: a refused connection, another system’s answer, a reason from the future', () => {
    const foreign = (domain: string, reason: string) =>
      new ConnectError('x', Code.NotFound, undefined, [{ desc: ErrorInfoSchema, value: { domain, reason } }]);
    expect(fromConnectError(new ConnectError('refused', Code.Unavailable))).toBeUndefined();
    expect(fromConnectError(foreign('other', 'NOT_FOUND'))).toBeUndefined();
    expect(fromConnectError(foreign('locum', 'NOT_YET_THOUGHT_OF'))).toBeUndefined();
    expect(fromConnectError(new Error('x'))).toBeUndefined();
    const metadata = new grpc.Metadata();
    expect(fromGrpcError({ code: 14, details: 'refused', metadata })).toBeUndefined();
    metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff]));
    expect(fromGrpcError({ code: 14, details: 'rubbish', metadata })).toBeUndefined();
  });
});
