import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../../controller/hooks/allowed-address.ts';

describe('the addresses of webhooks', () => {
  it.each(['10.1.2.3', '192.168.7.8', '172.16.0.1', '203.0.113.9', '2001:db8::7', 'fd12:3456::1'])(
    'may be in any network: %s',
    (address) => {
      expect(refusalOf(address, { allowLoopback: false })).toBeUndefined();
    },
  );

  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])(
    'are those of this host only if that is allowed: %s',
    (address) => {
      expect(refusalOf(address, { allowLoopback: false })).toMatch(/is this host itself: set allow_loopback/);
      expect(refusalOf(address, { allowLoopback: true })).toBeUndefined();
    },
  );

  it.each([
    ...['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200'],
    ...['0.0.0.0', '::', '224.0.0.1', 'ff02::1', '255.255.255.255'],
  ])('are never those of metadata services, of this link or of nobody: %s', (address) => {
    expect(refusalOf(address, { allowLoopback: true })).toMatch(/no webhook goes there/);
  });
});
