/**
 * Which addresses a webhook may lead to. A controller stands where others may not reach: on its own loopback, and where a cloud tells
 * machines who they are and which keys they have. A name in a URL can be made to point there at any time, so what is judged is the
 * address that is dialled, each time.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface AddressRule {
  /** This host's own addresses are allowed. */
  readonly allowLoopback: boolean;
}

const LOOPBACK = listOf('127.0.0.0/8', '::1/128');

/** Never: unspecified, link-local (metadata services of clouds are there), multicast, reserved, and metadata services elsewhere. */
const NEVER = listOf(
  ...['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', '100.100.100.200/32', '192.0.0.192/32'],
  ...['::/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::254/128', 'fd20:ce::254/128'],
);

/** Why it may not be dialled; undefined: it may. `address`: an IP address. */
export function refusalOf(address: string, { allowLoopback }: AddressRule): string | undefined {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (NEVER.check(address, family)) {
    return `${address} is an address of this link or of nobody, where clouds tell machines their secrets: no webhook goes there`;
  }
  if (!allowLoopback && LOOPBACK.check(address, family)) {
    return `${address} is this host itself: set allow_loopback if the receiver is here`;
  }
  return undefined;
}

/** Resolves a name as always, and leaves out what may not be dialled. */
export function allowedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const allowed = addresses.filter(({ address }) => refusalOf(address, rule) === undefined);
      const [first] = allowed;
      if (first === undefined) return callback(new Error(whyNone(hostname, addresses, rule)), '', 0);
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function whyNone(hostname: string, addresses: readonly LookupAddress[], rule: AddressRule): string {
  const [first] = addresses;
  const why = first === undefined ? 'it has no address' : refusalOf(first.address, rule);
  return `${hostname} leads nowhere that is allowed: ${why ?? ''}`;
}

function listOf(...subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
