/**
 * What a controller remembers of a store in etcd, and how that tells it that the store has lost some of it: its data was set back, by a
 * snapshot, a copy of a disk, or another etcd at the old address (ADR 0016).
 */
import { StoreError } from '../store.ts';
import { type EtcdHead, encode, type IdentityValue, parseHead } from './keys.ts';

/** The head as it was at a revision; empty text: there was none. */
export interface HeadSeen {
  readonly revision: bigint;
  readonly text: string;
}

export interface Seen {
  readonly clusterId: string;
  readonly incarnation: number;
  readonly etcdClusterId: string;
  /** The highest revision that etcd answered from; 0: none. */
  readonly revision: bigint;
  readonly head: HeadSeen;
}

/** What is there now. */
export interface Found {
  /** Undefined: there is no store. */
  readonly identity: Pick<IdentityValue, 'clusterId' | 'incarnation'> | undefined;
  readonly etcdClusterId: string;
  readonly head: HeadSeen;
  /** The head as it was at the revision of `Seen.head`. Undefined: etcd keeps that no longer. */
  readonly headThen: string | undefined;
}

/**
 * What is wrong, in words; undefined when all that was seen is still there, as far as can be told. The first rule that matches says it.
 * A restore into the same place and an adoption begin a later incarnation, and are no reason for complaint: they begin above all
 * that was before.
 */
export function whatWasLost(seen: Seen, { identity, etcdClusterId, head, headThen }: Found): string | undefined {
  const before = `This controller has seen ${described(seen, seen.head.text)}`;
  if (identity === undefined) return `${before}, and finds no store there`;
  if (identity.clusterId !== seen.clusterId) return `${before}, and finds cluster ${identity.clusterId}`;
  if (identity.incarnation > seen.incarnation) return undefined;
  const now = described({ ...identity, revision: head.revision }, head.text);
  if (identity.incarnation < seen.incarnation) return `${before}, and finds ${now}`;
  if (etcdClusterId !== seen.etcdClusterId) {
    return `${before}, in etcd cluster ${seen.etcdClusterId}, and finds ${now}, in etcd cluster ${etcdClusterId}`;
  }
  if (head.revision < seen.revision || isBelow(head.text, seen.head.text)) return `${before}, and finds ${now}`;
  if (headThen === undefined || headThen === seen.head.text) return undefined;
  const [was, is] = [inWords(seen.head.text), inWords(headThen)];
  return `${before}, and finds another history: what was ${was} at revision ${seen.head.revision} is now ${is}, of another leader`;
}

/** @throws StoreError `CORRUPT` */
export const headOf = (text: string): EtcdHead => parseHead(text === '' ? undefined : encode(text));

const inWords = (head: string): string => {
  const { term, number } = headOf(head);
  return `commit ${number} of term ${term}`;
};

const described = (
  { clusterId, incarnation, revision }: Pick<Seen, 'clusterId' | 'incarnation' | 'revision'>,
  head: string,
): string => `revision ${revision}, ${inWords(head)}, in incarnation ${incarnation} of cluster ${clusterId}`;

function isBelow(a: string, b: string): boolean {
  const [left, right] = [headOf(a), headOf(b)];
  return left.term === right.term ? left.number < right.number : left.term < right.term;
}

/** `finding`: a sentence without its full stop. */
export function storeBehind(finding: string): StoreError {
  const danger = 'What was acknowledged since then is gone, and its terms and epochs would be given a second time.';
  const advice =
    'Put the newer data back, or restore a snapshot of Locum; if all that is gone for good, start one controller with --adopt-store.';
  return new StoreError('STORE_BEHIND', `The store in etcd has lost what it had. ${finding}. ${danger} ${advice}`);
}
