/** Who listens on a port of this host, as the kernel says: any user can, when nobody else does. */
import { readFileSync } from 'node:fs';
import { errorCode } from '../../shared/caught-error.ts';

/** Of the network that this process is in. proc_pid_net(5) */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
/** TCP_LISTEN of include/net/tcp_states.h. */
const LISTENING = '0A';

/** User ids of those who listen on this port, at whatever address. Empty: nobody. Undefined: this host does not say, since it runs no Linux. */
export function listenersOn(port: number): ReadonlySet<number> | undefined {
  const texts = TABLES.map(readTable);
  if (texts.every((text) => text === undefined)) return undefined;
  return new Set(texts.flatMap((text) => listenersIn(text ?? '', port)));
}

/** `text`: lines of `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid …`, the port hexadecimal. */
export function listenersIn(text: string, port: number): readonly number[] {
  const rows = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, local = '', , state]) => state === LISTENING && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
    .map((columns) => Number(columns[7]));
}

/** A host may have no IPv6. */
function readTable(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
