/** Reads `etcd://host1,host2:2379,[::1]:2379/prefix`. */
import { StoreError } from '../store.ts';

export interface EtcdAddress {
  /** `host:port` of each member, in the order in which they are tried. */
  readonly endpoints: readonly string[];
  /** Namespace of all keys, without slashes at its ends. */
  readonly prefix: string;
}

export const DEFAULT_PREFIX = 'locum';
const DEFAULT_PORT = 2379;

/** Reads the part after `etcd:`. Throws a StoreError that says what is wrong with it. */
export function parseEtcdAddress(rest: string): EtcdAddress {
  const [, hosts = '', path] = /^\/\/([^/]*)(?:\/(.*))?$/s.exec(rest) ?? [];
  if (hosts === '') throw wrong(rest, 'no host is named');
  const endpoints = hosts.split(',').map((host) => endpointOf(rest, host));
  const twice = endpoints.find((endpoint, i) => endpoints.indexOf(endpoint) !== i);
  if (twice !== undefined) throw wrong(rest, `${twice} is named twice`);
  const prefix = path === undefined || path === '' ? DEFAULT_PREFIX : path.replace(/\/$/, '');
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(prefix)) throw wrong(rest, `"${prefix}" is no prefix of keys`);
  return { endpoints, prefix };
}

function endpointOf(rest: string, host: string): string {
  const [, name, port] = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d+))?$/.exec(host) ?? [];
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (name === undefined || number < 1 || number > 65_535) throw wrong(rest, `"${host}" is no host and port`);
  return `${name}:${number}`;
}

function wrong(rest: string, problem: string): StoreError {
  return new StoreError('NOT_A_STORE', `"etcd:${rest}": ${problem}. Use etcd://host1:2379,host2:2379/prefix.`);
}
