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
  /** What a load reads and a watch looks at: the head, then the records in the order of their keys. */
  readonly commits: Range;
  /** Pieces of a commit that is larger than a transaction, until they are unfolded into their records (ADR 0010). */
  readonly staged: Range;
  /** Names the candidate that a leader handed over to; ends after seconds, with a lease. */
  readonly handover: Uint8Array<ArrayBuffer>;
  /** One key for each candidate that is there, which ends with its lease. */
  readonly members: Range;
  readonly #memberPrefix: string;
  readonly #recordPrefix: string;
  readonly #stagedPrefix: string;

  constructor(prefix: string) {
    this.identity = encode(`${prefix}/identity`);
    this.leader = encode(`${prefix}/leader`);
    this.head = encode(`${prefix}/data/head`);
    this.handover = encode(`${prefix}/handover`);
    this.#memberPrefix = `${prefix}/controllers/`;
    this.members = { key: encode(this.#memberPrefix), rangeEnd: encode(`${prefix}/controllers0`) };
    this.#recordPrefix = `${prefix}/data/records/`;
    this.#stagedPrefix = `${prefix}/data/staged/`;
    // "0" is the byte after "/".
    this.commits = { key: this.head, rangeEnd: encode(`${prefix}/data/records0`) };
    this.staged = { key: encode(this.#stagedPrefix), rangeEnd: encode(`${prefix}/data/staged0`) };
  }

  member(lease: bigint): Uint8Array<ArrayBuffer> {
    return encode(this.#memberPrefix + lease.toString(16));
  }

  record(key: string): Uint8Array<ArrayBuffer> {
    return encode(this.#recordPrefix + key);
  }

  isHead(key: Uint8Array): boolean {
    return decode(key) === decode(this.head);
  }

  /** Undefined for a key that is none of a record. */
  recordOf(key: Uint8Array): string | undefined {
    const text = decode(key);
    return text.startsWith(this.#recordPrefix) ? text.slice(this.#recordPrefix.length) : undefined;
  }

  /** The chunks of one try to stage a commit, in order; those of other tries are not among them. */
  chunks(attempt: number): Range {
    return { key: encode(`${this.#stagedPrefix}${attempt}/`), rangeEnd: encode(`${this.#stagedPrefix}${attempt}0`) };
  }

  chunk(attempt: number, index: number): Uint8Array<ArrayBuffer> {
    return encode(`${this.#stagedPrefix}${attempt}/${String(index).padStart(6, '0')}`);
  }
}

/** How far a term's commits are. */
export interface EtcdHead {
  readonly term: number;
  /** The last commit made; 0: none yet. */
  readonly number: number;
  /** That commit's writes: in its own transaction; staged, and to be read there; or unfolded into their records since. */
  readonly form: 'whole' | { readonly attempt: number; readonly chunks: number } | 'unfolded';
}

export type StagedHead = EtcdHead & { readonly form: { readonly attempt: number; readonly chunks: number } };

export const isStaged = (head: EtcdHead): head is StagedHead => typeof head.form !== 'string';

/**
 * `lease`: that of the leader who puts it. etcd gives none twice, so two histories differ here even where their terms and numbers agree
 * (see seen.ts); nobody reads it.
 */
export function headText({ term, number, form }: EtcdHead, lease: bigint): Uint8Array<ArrayBuffer> {
  const how = typeof form === 'string' ? form : `staged ${form.attempt} ${form.chunks}`;
  return encode(`${term} ${number} ${how} by ${lease.toString(16)}`);
}

const HEAD = /^(\d+) (\d+) (whole|unfolded|staged (\d+) (\d+)) by [0-9a-f]+$/;

/** The term is 0 for a store in which nobody ever led. */
export function parseHead(value: Uint8Array | undefined): EtcdHead {
  if (value === undefined) return { term: 0, number: 0, form: 'whole' };
  const text = decode(value);
  const [, term, number, how, attempt, chunks] = HEAD.exec(text) ?? [];
  if (how === undefined) throw damaged('head');
  const at = { term: Number(term), number: Number(number) };
  if (how === 'whole' || how === 'unfolded') return { ...at, form: how };
  return { ...at, form: { attempt: Number(attempt), chunks: Number(chunks) } };
}

/** What the store says about itself. `etcdClusterId` tells it from a copy that was restored into another cluster. */
export interface IdentityValue extends Identity {
  readonly etcdClusterId: string;
  /** The restore that made it, by a number of its own. Undefined: no restore did. */
  readonly restore?: string | undefined;
  /** Its records are still being written: it is no store yet. */
  readonly unfinished?: true;
}

export function identityText(identity: IdentityValue): Uint8Array<ArrayBuffer> {
  const { clusterId, incarnation, etcdClusterId, restore, unfinished } = identity;
  const by = restore === undefined ? '' : ` by ${restore}`;
  return encode(`${clusterId} ${incarnation} ${etcdClusterId}${by}${unfinished ? ' unfinished' : ''}`);
}

const IDENTITY = /^([\w-]+) (\d+) (\d+)(?: by ([\w-]+))?( unfinished)?$/;

export function parseIdentity(value: Uint8Array): IdentityValue {
  const [, clusterId, incarnation, etcdClusterId, restore, unfinished] = IDENTITY.exec(decode(value)) ?? [];
  if (clusterId === undefined || etcdClusterId === undefined) throw damaged('identity');
  const by = restore === undefined ? {} : { restore };
  const identity = { clusterId, incarnation: Number(incarnation), etcdClusterId, ...by };
  return unfinished === undefined ? identity : { ...identity, unfinished: true };
}

export function damaged(key: string): StoreError {
  return new StoreError('CORRUPT', `The key "${key}" in etcd is not what Locum writes there. Restore a snapshot.`);
}
