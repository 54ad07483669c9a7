/** Ports of a local cluster. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { errorCode } from '../../shared/caught-error.ts';
import { CommandFailure } from '../exit-codes.ts';

/** From `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const LOWEST = 20_000;
/** What Linux gives by default to whoever asks for any port. */
const USUALLY_GIVEN: PortRange = { first: 32_768, last: 60_999 };
/** Fewer ports than this are too few to choose from by chance. */
const ENOUGH = 1_000;
const TRIES = 100;

function listen(port: number): Promise<void> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve()));
  return promise;
}

/** The ports that the system gives to outgoing connections, and to those who listen on port 0. */
export function givenPorts(): PortRange {
  try {
    const words = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
    const [first = Number.NaN, last = Number.NaN] = words.map(Number);
    return Number.isInteger(first) && Number.isInteger(last) ? { first, last } : USUALLY_GIVEN;
  } catch {
    return USUALLY_GIVEN;
  }
}

/** Ports that any user may have and the system does not give; where it gives nearly all, there are none, and any will do. */
export function portsBeside(given: PortRange): PortRange {
  const below = { first: LOWEST, last: given.first - 1 };
  const above = { first: given.last + 1, last: 65_535 };
  const low = { first: 1_024, last: Math.min(given.first, LOWEST) - 1 };
  const found = [below, above, low].find(({ first, last }) => last - first + 1 >= ENOUGH);
  return found ?? { first: LOWEST, last: 65_535 };
}

const taken = new Set<number>();

/**
 * A port that nobody has now, and, where there are enough such ports, that the system gives to nobody: one that it gives, it may give
 * again before it is used, or while the process that listens there is restarted. Never the same one twice.
 */
export async function freePort(): Promise<number> {
  const { first, last } = portsBeside(givenPorts());
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(first, last + 1);
    if (taken.has(port)) continue;
    const isFree = await listen(port).then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    taken.add(port);
    return port;
  }
  throw new CommandFailure(`no free port on 127.0.0.1 between ${first} and ${last}`);
}

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** @throws CommandFailure when somebody listens there already. */
export async function checkPort(port: number, option: string): Promise<void> {
  try {
    await listen(port);
  } catch (error) {
    const code = errorCode(error);
    const why =
      code === 'EADDRINUSE' ? 'is in use' : code === 'EACCES' ? 'is not allowed for this user' : String(error);
    throw new CommandFailure(
      `port ${port} on 127.0.0.1 ${why}\nIs another controller or "locum dev" running? ${option} chooses another port.`,
    );
  }
}
