/** Where a syslog receiver listens: `udp:HOST:PORT`, `tcp:HOST:PORT` or `unix:PATH`, a stream socket. */
import { parseListenAddress } from '../../shared/listen-address.ts';

export type SyslogAddress =
  | { readonly kind: 'udp' | 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Undefined: it is none. */
export function parseSyslogAddress(text: string): SyslogAddress | undefined {
  const [, kind, rest = ''] = /^(udp|tcp|unix):(.+)$/s.exec(text) ?? [];
  if (kind === 'unix') return rest.startsWith('/') ? { kind, path: rest } : undefined;
  if (kind !== 'udp' && kind !== 'tcp') return undefined;
  const parsed = parseListenAddress(rest);
  return parsed.kind === 'ok' && parsed.address.port > 0 ? { kind, ...parsed.address } : undefined;
}
