import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { CommandFailure } from '../../cli/exit-codes.ts';
import { describeFailure } from '../../cli/failure.ts';
import { LocumError, notFound } from '../../shared/errors.ts';
import { AuthorityError } from '../../shared/pki/authority.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';

const overTheWire = (error: LocumError): ConnectError => toConnectError(error);

describe('a failure of a command', () => {
  it.each([
    [notFound('servers/web-9'), 3, 'servers/web-9 does not exist (NOT_FOUND)'],
    [new LocumError('ALREADY_EXISTS', 'it is there'), 5, 'it is there (ALREADY_EXISTS)'],
    [new LocumError('ETAG_MISMATCH', 'it changed'), 5, 'it changed (ETAG_MISMATCH)'],
    [new LocumError('TARGET_NOT_ELIGIBLE', 'web-2 is full'), 2, 'web-2 is full (TARGET_NOT_ELIGIBLE)'],
    [new LocumError('ORDER_INCOMPLETE', 'web-3 is missing'), 1, 'web-3 is missing (ORDER_INCOMPLETE)'],
    [new LocumError('STORE_FULL', 'no space'), 1, 'no space (STORE_FULL)'],
  ] as const)('says what, why, and ends with the code of its kind', (error, exitCode, first) => {
    const told = describeFailure(overTheWire(error));
    expect(told.exitCode).toBe(exitCode);
    expect(told.lines[0]).toBe(first);
  });

  it('says where to look for what does not exist', () => {
    expect(describeFailure(overTheWire(notFound('policies/x'))).lines[1]).toContain('locum policy list');
  });

  it('lists several wrong fields below each other', () => {
    const fieldViolations = [
      { field: 'policy.slots', description: 'must be at least 1' },
      { field: 'policy.priority', description: 'must be at most 100' },
    ];
    const error = new LocumError('INVALID_FIELD', 'a; b', { fieldViolations });
    expect(describeFailure(overTheWire(error)).lines).toEqual([
      '2 fields are wrong (INVALID_FIELD)',
      '  policy.slots: must be at least 1',
      '  policy.priority: must be at most 100',
    ]);
  });

  it('says of a file that can not be read what its reader says, once', () => {
    const unread = { field: '', description: 'x.json: line 1, column 65: Flow map must end with a }' };
    const told = (fieldViolations: LocumError['fieldViolations']): readonly string[] =>
      describeFailure(overTheWire(new LocumError('INVALID_FIELD', 'a; b', { fieldViolations }))).lines;
    expect(told([unread, unread])).toEqual([`${unread.description} (INVALID_FIELD)`]);
    expect(told([unread, { ...unread, description: 'x.json: line 2, column 1: no' }])).toEqual([
      'this can not be read (INVALID_FIELD)',
      `  ${unread.description}`,
      '  x.json: line 2, column 1: no',
    ]);
  });

  it('advises to look at the placement only where something was to be placed', () => {
    const lines = (resource?: string): readonly string[] =>
      describeFailure(new LocumError('TARGET_NOT_ELIGIBLE', 'no', resource === undefined ? {} : { resource })).lines;
    expect(lines('runs/sync-1')[1]).toContain('locum policy explain');
    expect(lines()).toHaveLength(1);
  });

  it('says what the letters of a broken inequality stand for', () => {
    const error = new LocumError('TIMERS_INVALID', 'pool.timers: 3·1.1·h + 1 s ≤ L does not hold');
    expect(describeFailure(error).lines[1]).toContain('h: heartbeat interval, L: lease');
  });

  it('names the other listener to whoever asked the one for agents', () => {
    expect(describeFailure(new ConnectError('no such method', Code.Unimplemented)).lines[1]).toContain('7400');
  });

  it('says in plain words that a folder was given for a file, though Node does not say which', () => {
    const error = Object.assign(new Error('EISDIR: illegal operation on a directory, read'), {
      code: 'EISDIR',
      syscall: 'read',
    });
    expect(describeFailure(error).lines).toEqual(['a folder was named where a file is meant (EISDIR)']);
  });

  it.each([
    [new ConnectError('too late', Code.DeadlineExceeded), 124],
    [new ConnectError('no', Code.PermissionDenied), 4],
    [new ConnectError('who', Code.Unauthenticated), 4],
    [new ConnectError('odd', Code.Unknown), 1],
    [new CommandFailure('waited', 124), 124],
  ] as const)('without a reason of ours ends with the code of its class', (error, exitCode) => {
    expect(describeFailure(error).exitCode).toBe(exitCode);
  });

  it('about the authority says what is wrong, with its reason', () => {
    const error = new AuthorityError('no key', { reason: 'AUTHORITY_KEY_MISSING' });
    expect(describeFailure(error)).toEqual({ lines: ['no key (AUTHORITY_KEY_MISSING)'], exitCode: 1 });
  });

  it('about a file says in plain words what is wrong with it', () => {
    const error = Object.assign(new Error("ENOENT: no such file or directory, open 'x.yaml'"), {
      code: 'ENOENT',
      syscall: 'open',
      path: 'x.yaml',
    });
    expect(describeFailure(error).lines).toEqual(['x.yaml does not exist (ENOENT)']);
  });

  it('of the system is told in its own words, without a stack', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:7400'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });
    expect(describeFailure(error).lines).toEqual(['connect ECONNREFUSED 127.0.0.1:7400']);
  });

  it('that is a defect of ours asks for a report, with the stack', () => {
    const { lines, exitCode } = describeFailure(new TypeError('x is not a function'));
    expect(exitCode).toBe(1);
    expect(lines[0]).toContain('report');
    expect(lines.join('\n')).toContain('failure.test.ts');
  });
});
