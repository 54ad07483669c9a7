import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyId, poolId, runId, serverId } from '../../shared/ids.ts';
import {
  eventName,
  isUserId,
  parseEventName,
  parsePolicyName,
  parsePoolName,
  parseRunName,
  parseServerName,
  policyName,
  poolName,
  runName,
  serverName,
} from '../../shared/resource-name.ts';

describe('names of resources', () => {
  it('are made and read back', () => {
    expect(parsePoolName(poolName(poolId('default')))).toBe('default');
    expect(parseServerName(serverName(serverId('web-1')))).toBe('web-1');
    expect(parsePolicyName(policyName(policyId('nightly-import')))).toBe('nightly-import');
    expect(parseRunName(runName(runId('nightly-import-17')))).toBe('nightly-import-17');
    expect(parseEventName(eventName(42))).toBe(42);
  });

  it.each([
    '',
    'servers/',
    'servers',
    'web-1',
    'policies/web-1',
    'servers/Web',
    'servers/1a',
    'servers/a-',
    'servers/a/b',
  ])('are refused as a server: "%s"', (name) => {
    expect(parseServerName(name)).toBeUndefined();
  });

  it.each(['runs/a', 'runs/a-', 'runs/a-0', 'runs/a-01', 'runs/-1', 'runs/a-1x'])(
    'are refused as a run: %s',
    (name) => {
      expect(parseRunName(name)).toBeUndefined();
    },
  );

  it.each(['events/', 'events/0', 'events/-1', 'events/1e3', 'events/99999999999999999'])(
    'are refused as an event: %s',
    (name) => {
      expect(parseEventName(name)).toBeUndefined();
    },
  );

  it('of an event may have leading zeros, as in keys of the store', () => {
    expect(parseEventName('events/0000000000000042')).toBe(42);
  });

  it('have ids of up to 63 characters', () => {
    expect([`a${'b'.repeat(62)}`, `a${'b'.repeat(63)}`].map(isUserId)).toEqual([true, false]);
  });

  it('never throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const id = parseServerName(`servers/${text}`);
        expect(id === undefined || id === text).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
