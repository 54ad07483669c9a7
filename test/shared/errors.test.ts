import { describe, expect, it } from 'vitest';
import {
  errorCodes,
  etagMismatch,
  immutableField,
  internalError,
  invalidField,
  invalidFields,
  isErrorReason,
  LocumError,
  notFound,
} from '../../shared/errors.ts';
import { ErrorReasonSchema } from '../../shared/gen/locum/v1/error_reason_pb.ts';

describe('the table of errors', () => {
  it('has exactly the reasons of the API', () => {
    const inApi = ErrorReasonSchema.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);
    expect(Object.keys(errorCodes).sort()).toEqual(inApi.sort());
  });

  it('knows its own reasons, and no property that every object has', () => {
    expect(['ETAG_MISMATCH', 'toString', '', 'UNSPECIFIED'].map(isErrorReason)).toEqual([true, false, false, false]);
  });

  it('says of each class what a caller can do', () => {
    const reasons = ['ETAG_MISMATCH', 'STORE_FULL', 'OUTCOME_UNKNOWN', 'REVISION_TOO_OLD', 'POOL_IN_USE'] as const;
    expect(reasons.map((reason) => errorCodes[reason])).toEqual([
      'ABORTED',
      'RESOURCE_EXHAUSTED',
      'UNAVAILABLE',
      'OUT_OF_RANGE',
      'FAILED_PRECONDITION',
    ]);
  });
});

describe('an error', () => {
  it('carries its class, and nothing that was not given', () => {
    expect(new LocumError('NOT_LEADER', 'ask another')).toMatchObject({
      name: 'LocumError',
      message: 'ask another',
      reason: 'NOT_LEADER',
      code: 'UNAVAILABLE',
      metadata: {},
      fieldViolations: [],
      resource: undefined,
      retryAfterMs: undefined,
    });
  });

  it('of several fields names them all in its text', () => {
    const error = invalidFields([
      { field: 'a', description: 'must be b' },
      { field: '', description: 'and 3 more' },
    ]);
    expect(error.message).toBe('a: must be b; and 3 more');
    expect(error.fieldViolations).toHaveLength(2);
  });

  it.each([
    [invalidField('slots', 'must not be 0'), 'INVALID_FIELD', 'slots: must not be 0'],
    [notFound('servers/a'), 'NOT_FOUND', 'servers/a does not exist'],
    [etagMismatch('servers/a'), 'ETAG_MISMATCH', 'servers/a has changed since it was read: read it again and repeat'],
    [immutableField('policy.pool'), 'IMMUTABLE_FIELD', 'policy.pool: can not be changed after creation'],
  ])('%s', (error, reason, message) => {
    expect([error.reason, error.message]).toEqual([reason, message]);
  });

  it('of ours keeps what happened to itself', () => {
    const error = internalError(new TypeError('secret inside'));
    expect(error.message).not.toContain('secret');
    expect(error.cause).toEqual(new TypeError('secret inside'));
  });
});
