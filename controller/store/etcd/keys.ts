/** The keys of a store in etcd, below its prefix, and what is in those that are not records. */
import type { Identity } from '../store.ts';
import { StoreError } from '../store.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encode = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

export interface Range {
  readonly key: Uint8Array<ArrayBuffer>;
  /** The first key past it; empty: `key` alone. */
  readonly rangeEnd: Uint8Array<ArrayBuffer>;
}

export class Keys {
  readonly identity: Uint8Array<ArrayBuffer>;
  /** Exists while somebody leads, and ends with the leader's lease. Its create revision is the low part of the term. */
  readonly leader: Uint8Array<ArrayBuffer>;
  /** How far the leader's commits are. Written with each, and compared by the next. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly records: Range;
  /** Names the candidate that a leader handed over to; ends after seconds, with a lease. */
  readonly handover: Uint8Array<ArrayBuffer>;
  /** One key for each candidate that is there, which ends with its lease. */
  readonly members: Range;
  readonly #memberPrefix: string;
  readonly #recordPrefix: string;

  constructor(prefix: string) {
    this.identity = encode(`${prefix}/identity`);
    this.leader = encode(`${prefix}/leader`);
    this.head = encode(`${prefix}/head`);
    this.handover = encode(`${prefix}/handover`);
    this.#memberPrefix = `${prefix}/controllers/`;
    this.members = { key: encode(this.#memberPrefix), rangeEnd: encode(`${prefix}/controllers0`) };
    this.#recordPrefix = `${prefix}/records/`;
    // "0" is the byte after "/".
    this.records = { key: encode(this.#recordPrefix), rangeEnd: encode(`${prefix}/records0`) };
  }

  member(lease: bigint): Uint8Array<ArrayBuffer> {
    return encode(this.#memberPrefix + lease.toString(16));
  }

  record(key: string): Uint8Array<ArrayBuffer> {
    return encode(this.#recordPrefix + key);
  }

  recordOf(key: Uint8Array): string {
    return decode(key).slice(this.#recordPrefix.length);
  }
}

/** How far a term's commits are: batch `number` wholly, and `part` transactions of the next, when that had to be split. */
export interface Position {
  readonly number: number;
  readonly part: number;
}

export const START: Position = { number: 0, part: 0 };

export const isAtLeast = (a: Position, b: Position): boolean =>
  a.number === b.number ? a.part >= b.part : a.number > b.number;

export interface HeadValue extends Position {
  readonly term: number;
}

export const headText = (term: number, { number, part }: Position): Uint8Array<ArrayBuffer> =>
  encode(`${term} ${number} ${part}`);

/** The term is 0 for a store in which nobody ever led. */
export function parseHead(value: Uint8Array | undefined): HeadValue {
  if (value === undefined) return { term: 0, ...START };
  const [, term, number, part] = /^(\d+) (\d+) (\d+)$/.exec(decode(value)) ?? [];
  if (part === undefined) throw damaged('head');
  return { term: Number(term), number: Number(number), part: Number(part) };
}

/** What the store says about itself. `etcdClusterId` tells it from a copy that was restored into another cluster. */
export interface IdentityValue extends Identity {
  readonly etcdClusterId: string;
}

export const identityText = ({ clusterId, incarnation, etcdClusterId }: IdentityValue): Uint8Array<ArrayBuffer> =>
  encode(`${clusterId} ${incarnation} ${etcdClusterId}`);

export function parseIdentity(value: Uint8Array): IdentityValue {
  const [, clusterId, incarnation, etcdClusterId] = /^([\w-]+) (\d+) (\d+)$/.exec(decode(value)) ?? [];
  if (clusterId === undefined || etcdClusterId === undefined) throw damaged('identity');
  return { clusterId, incarnation: Number(incarnation), etcdClusterId };
}

function damaged(key: string): StoreError {
  return new StoreError('CORRUPT', `The key "${key}" in etcd is not what Locum writes there. Restore a snapshot.`);
}
