/** What an answer of etcd that is an error means for the request: done, not done, or not known. */
import * as grpc from '@grpc/grpc-js';
import { StoreError } from '../store.ts';

export type FaultKind =
  /** The request may or may not have been done, or will be: ask again, better another member. */
  | 'unknown'
  /** Not done: the cluster is too busy just now. */
  | 'busy'
  /** Not done: the token is no longer good. */
  | 'unauthenticated'
  /** Not done: out of its space quota. */
  | 'full'
  /** Not done: the revision asked for is gone. */
  | 'compacted'
  /** Not done: etcd has not come to the revision asked for, or no more. */
  | 'future'
  /** Not done, and never will be: this etcd is told to take less at once than others. */
  | 'too_large'
  /** Not done, and asking again won't help. */
  | 'refused';

export class EtcdFault extends Error {
  override readonly name = 'EtcdFault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The texts are etcd's own (api/v3rpc/rpctypes); a code alone is shared by errors that need different answers. */
const BY_TEXT: ReadonlyArray<readonly [text: string, kind: FaultKind]> = [
  ['database space exceeded', 'full'],
  ['too many requests', 'busy'],
  ['has been compacted', 'compacted'],
  ['required revision is a future revision', 'future'],
  ['request is too large', 'too_large'],
  ['too many operations in txn request', 'too_large'],
  ['received message larger than max', 'too_large'],
  ['invalid auth token', 'unauthenticated'],
  ['revision of auth store is old', 'unauthenticated'],
  ['permission denied', 'refused'],
];

/** Codes after which nothing is known: the connection or the time ended before an answer came. */
const UNKNOWN_CODES: ReadonlySet<grpc.status> = new Set([
  grpc.status.UNAVAILABLE,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.CANCELLED,
  grpc.status.ABORTED,
  grpc.status.INTERNAL,
  grpc.status.UNKNOWN,
]);

export function faultOf(address: string, error: grpc.ServiceError): EtcdFault {
  const { details, code } = error;
  const kind = kindOf(details) ?? (UNKNOWN_CODES.has(code) ? 'unknown' : 'refused');
  return new EtcdFault(kind, `etcd at ${address}: ${details}`, { cause: error });
}

/** Why etcd ended a watch, of which it says nothing but a text. What has no kind of its own passes with a new watch. */
export function cancelledWatch(address: string, reason: string): EtcdFault {
  return new EtcdFault(kindOf(reason) ?? 'unknown', `etcd at ${address}: ${reason}`);
}

const kindOf = (said: string): FaultKind | undefined => BY_TEXT.find(([text]) => said.includes(text))?.[1];

/** The error a caller of the store gets when a request could not be done in the end. */
export function etcdStoreError(error: unknown): unknown {
  if (!(error instanceof EtcdFault)) return error;
  switch (error.kind) {
    case 'full': {
      const advice = 'Compact and defragment it, then disarm the alarm.';
      return new StoreError('STORE_FULL', `${error.message}. ${advice}`, { cause: error });
    }
    case 'compacted':
      return new StoreError('COMPACTED', `${error.message}: load again.`, { cause: error });
    case 'unknown':
    case 'busy':
      return new StoreError('STORE_UNAVAILABLE', `No answer. Is a majority of the members up? ${error.message}`, {
        cause: error,
        passes: true,
      });
    case 'too_large': {
      const advice = 'Give its members at least the default --max-txn-ops (128) and --max-request-bytes (1572864).';
      return new StoreError('STORE_UNAVAILABLE', `${error.message}. ${advice}`, { cause: error });
    }
    case 'future':
    case 'unauthenticated':
    case 'refused':
      return new StoreError('STORE_UNAVAILABLE', error.message, { cause: error });
  }
}
