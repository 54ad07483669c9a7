import { describe, expect, it } from 'vitest';
import { formatListenAddress, isLoopback, parseListenAddress } from '../../shared/listen-address.ts';

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:7400', '127.0.0.1', 7400],
    ['localhost:0', 'localhost', 0],
    ['[::1]:7400', '::1', 7400],
    ['[fe80::1%eth0]:65535', 'fe80::1%eth0', 65535],
    ['ctl-1.example.test:80', 'ctl-1.example.test', 80],
  ])('is read and written: %s', (text, host, port) => {
    const result = parseListenAddress(text);
    expect(result).toEqual({ kind: 'ok', address: { host, port } });
    expect(formatListenAddress({ host, port })).toBe(text);
  });

  it.each([
    '',
    ':7400',
    '7400',
    '127.0.0.1',
    '127.0.0.1:',
    '::1:7400',
    'a:65536',
    'a:-1',
    'a b:1',
    'http://a:1',
    '*:1',
  ])('is refused: "%s"', (text) => {
    expect(parseListenAddress(text)).toEqual({ kind: 'error', description: expect.stringContaining('127.0.0.1:7400') });
  });
});

describe('loopback', () => {
  it.each([
    '127.0.0.1',
    '127.255.0.9',
    'localhost',
    'LocalHost',
    'a.localhost',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    ...[
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '128.0.0.1',
      '127.0.0.1.example.test',
      '127.0.0.999',
      '::2',
      '::1:1',
      '1::1',
      'fe80::1',
    ],
    ...['localhost.example.test', 'example.test', '::ffff:10.0.0.1', '::11'],
  ])('is not %s', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
