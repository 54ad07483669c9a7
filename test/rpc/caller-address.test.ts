/** Whom the bounds by address count as one. */
import { expect, it } from 'vitest';
import { networkOfPeer, peerNetwork } from '../../shared/rpc/caller-address.ts';

it('an address of IPv4 is counted by itself, also where the listener speaks IPv6', () => {
  expect(peerNetwork('192.0.2.7')).toBe('192.0.2.7');
  expect(peerNetwork('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(networkOfPeer('::ffff:192.0.2.7:4711')).toBe('192.0.2.7');
});

it.each([
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff:1:2:3', '2001:db8:0:0::/64'],
  ['2001:db8::5:6:7:8', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
  ['2001:db8:1::', '2001:db8:1:0::/64'],
  ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('one of IPv6 is counted with all of its /64: %s', (address, network) => {
  expect(peerNetwork(address)).toBe(network);
  expect(networkOfPeer(`${address}:4711`)).toBe(network);
});
