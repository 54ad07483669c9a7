/** Ports of a local cluster. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { CommandFailure } from '../exit-codes.ts';

const LOWEST = 20_000;
/** Where Linux begins by default to give ports to whoever asks for any. */
const LOWEST_GIVEN = 32_768;
const TRIES = 100;

function listen(port: number): Promise<void> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve()));
  return promise;
}

/** The first port that the system gives to outgoing connections, and to those who listen on port 0. */
function lowestGiven(): number {
  try {
    const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
    return lowest > LOWEST + 1_000 ? lowest : LOWEST_GIVEN;
  } catch {
    return LOWEST_GIVEN;
  }
}

const taken = new Set<number>();

/**
 * A port that nobody has now, and that the system gives to nobody: one that it gives, it may give again before it is used, or while
 * the process that listens there is restarted. Never the same one twice.
 */
export async function freePort(): Promise<number> {
  const end = lowestGiven();
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(LOWEST, end);
    if (taken.has(port)) continue;
    const isFree = await listen(port).then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    taken.add(port);
    return port;
  }
  throw new CommandFailure(`no free port on 127.0.0.1 between ${LOWEST} and ${end}`);
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
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      code === 'EADDRINUSE' ? 'is in use' : code === 'EACCES' ? 'is not allowed for this user' : String(error);
    throw new CommandFailure(
      `port ${port} on 127.0.0.1 ${why}\nIs another controller or "locum dev" running? ${option} chooses another port.`,
    );
  }
}
