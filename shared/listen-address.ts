/** Where a listener binds: `host:port` in words, and the rule about plaintext. Pure. */

export interface ListenAddress {
  /** Name or address, an IPv6 address without its brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export type ListenAddressResult =
  | { readonly kind: 'ok'; readonly address: ListenAddress }
  /** `description` is for people and says what to do. */
  | { readonly kind: 'error'; readonly description: string };

const FORM =
  /^(?:\[(?<six>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(?<port>\d{1,5})$/;

/** Reads `127.0.0.1:7400`, `localhost:7400` or `[::1]:7400`. Both parts are required: an empty host would mean every address. */
export function parseListenAddress(text: string): ListenAddressResult {
  const groups = FORM.exec(text)?.groups;
  const host = groups?.['six'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  if (host === undefined || !(port <= 65_535)) {
    return {
      kind: 'error',
      description: `"${text}" is not an address; write host:port, such as 127.0.0.1:7400 or [::1]:7400`,
    };
  }
  return { kind: 'ok', address: { host, port } };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only processes of this host can reach it. Names count only if they are reserved for that (RFC 6761). */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/%.*$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const four = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(name);
  if (four !== null) return four[1] === '127' && four.slice(2).every((part) => Number(part) <= 255);
  return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(name) && !/[2-9a-f]/.test(name);
}
