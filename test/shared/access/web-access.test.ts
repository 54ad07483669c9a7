import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeWebAccess, type WebRule } from '../../../shared/access/web-access.ts';
import { isPrintable } from '../../../shared/printable.ts';

const loopback: WebRule = { loopback: true, hosts: [] };
const open: WebRule = { loopback: false, hosts: [] };
const named: WebRule = { loopback: false, hosts: ['locum.example'] };

const reasonOf = (rule: WebRule, authority: string | undefined, origin?: string): string | undefined =>
  judgeWebAccess({ authorities: authority === undefined ? [] : [authority], origin }, rule)?.reason;

describe('the Host of a request', () => {
  it.each([
    '127.0.0.1:7400',
    '127.8.9.1',
    'localhost:7400',
    'LocalHost.:7400',
    'web.localhost:80',
    '[::1]:7400',
    '[::ffff:127.0.0.1]:1',
  ])('is allowed on loopback: %s', (authority) => expect(reasonOf(loopback, authority)).toBeUndefined());

  it.each([
    'rebound.example:7400',
    '127.0.0.1.rebound.example:7400',
    'localhost.rebound.example',
    '127.0.0.1@rebound.example',
    '10.0.0.7:7400',
    '[fd00::1]:7400',
    '[::1].rebound.example',
    '127.0.0.1:7400:80',
    'a b',
    '',
  ])('is refused on loopback: "%s"', (authority) => expect(reasonOf(loopback, authority)).toBe('HOST_NOT_ALLOWED'));

  it('is allowed on loopback when it was configured, with any port', () => {
    const rule = { loopback: true, hosts: ['locum.example'] };
    expect(reasonOf(rule, 'Locum.Example.:8443')).toBeUndefined();
    expect(reasonOf(rule, 'other.example')).toBe('HOST_NOT_ALLOWED');
  });

  it('is judged on other listeners only where names were configured, and an address is no name that can be turned', () => {
    expect(reasonOf(open, 'rebound.example:7400')).toBeUndefined();
    expect(reasonOf(named, 'rebound.example:7400')).toBe('HOST_NOT_ALLOWED');
    for (const authority of ['locum.example:7400', '10.0.0.7:7400', '[fd00::1]:7400', 'localhost:7400']) {
      expect([authority, reasonOf(named, authority)]).toEqual([authority, undefined]);
    }
  });

  it('may be missing, as in probes of HTTP/1.0: a browser always sends one', () => {
    expect(reasonOf(loopback, undefined)).toBeUndefined();
  });

  it('must be allowed in each of its two places', () => {
    const authorities = ['127.0.0.1:7400', 'rebound.example'];
    expect(judgeWebAccess({ authorities, origin: undefined }, loopback)?.reason).toBe('HOST_NOT_ALLOWED');
  });
});

describe('the Origin of a request', () => {
  it.each([
    'http://evil.example',
    'null',
    '',
    'http://localhost:3000',
    'http://127.0.0.1:7400@evil.example',
    'http://127.0.0.1:7400, http://evil.example',
    'chrome-extension://127.0.0.1:7400',
    'http://127.0.0.1:7400/',
  ])('is refused when it is "%s"', (origin) => {
    expect(reasonOf(loopback, '127.0.0.1:7400', origin)).toBe('ORIGIN_NOT_ALLOWED');
    expect(reasonOf(open, '127.0.0.1:7400', origin)).toBe('ORIGIN_NOT_ALLOWED');
  });

  it('is allowed when the page came from this listener, of whose Host we are sure', () => {
    expect(reasonOf(loopback, '127.0.0.1:7400', 'http://127.0.0.1:7400')).toBeUndefined();
    expect(reasonOf(open, 'rebound.example:7400', 'http://rebound.example:7400')).toBe('ORIGIN_NOT_ALLOWED');
    expect(reasonOf(loopback, undefined, 'http://evil.example')).toBe('ORIGIN_NOT_ALLOWED');
  });

  it('is allowed when its name was configured and its port is the default: a proxy in front', () => {
    expect(reasonOf(named, '127.0.0.1:7400', 'https://locum.example')).toBeUndefined();
    expect(reasonOf(named, '127.0.0.1:7400', 'https://locum.example:3000')).toBe('ORIGIN_NOT_ALLOWED');
  });

  it('is quoted without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'binary' }), (host, origin) => {
        const message = judgeWebAccess({ authorities: [host], origin }, loopback)?.message ?? '';
        expect(isPrintable(message)).toBe(true);
        expect(message.length).toBeLessThan(250);
      }),
    );
  });
});
