/** Where controllers are, in words. */
import { InvalidArgumentError } from 'commander';

export const DEFAULT_ADDRESS = '127.0.0.1:7400';

const ADDRESS = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/\][]+):\d{1,5}$/;

/** `host:port,…`. @throws InvalidArgumentError */
export function parseAddresses(text: string): string[] {
  const addresses = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const bad = addresses.find((address) => !ADDRESS.test(address) || Number(address.split(':').at(-1)) > 65_535);
  if (bad !== undefined) throw new InvalidArgumentError(`"${bad}" is not host:port, such as ${DEFAULT_ADDRESS}`);
  if (addresses.length === 0) throw new InvalidArgumentError(`give at least one host:port, such as ${DEFAULT_ADDRESS}`);
  return addresses;
}
