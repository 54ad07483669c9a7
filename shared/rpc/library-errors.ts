/**
 * What the RPC library (@connectrpc/connect) says by itself, which has a code and a text and nothing else: the one place that reads its
 * texts.
 */
import { Code, type ConnectError } from '@connectrpc/connect';
import type { ErrorReason } from '../errors.ts';

interface LibraryText {
  readonly pattern: RegExp;
  /** Undefined: as its code says. */
  readonly reason?: ErrorReason;
  /** As `String.replace` takes it. Undefined: its own words will do. */
  readonly inOurWords?: string;
}

const TEXTS: readonly LibraryText[] = [
  // It calls bytes that are no message INTERNAL, but they are the sender's mistake.
  { pattern: /^parse binary: /, reason: 'INVALID_FIELD' },
  // It names an option of its own, which no client can set.
  {
    pattern: /^message size (\d+) is larger than configured readMaxBytes (\d+)$/,
    inOurWords: 'the message has $1 bytes, more than the $2 that are taken: send it in parts, or leave something out',
  },
];

const BY_CODE: ReadonlyMap<Code, ErrorReason> = new Map([
  [Code.Unimplemented, 'UNIMPLEMENTED'],
  [Code.ResourceExhausted, 'MESSAGE_TOO_LARGE'],
  [Code.InvalidArgument, 'INVALID_FIELD'],
  [Code.Internal, 'INTERNAL'],
  [Code.Unknown, 'INTERNAL'],
]);

/** Our reason, and words for people. Undefined: it needs none (cancelled, out of time). */
export function libraryError({
  code,
  rawMessage,
}: ConnectError): { readonly reason: ErrorReason; readonly message: string } | undefined {
  const known = TEXTS.find(({ pattern }) => pattern.test(rawMessage));
  const reason = known?.reason ?? BY_CODE.get(code);
  if (reason === undefined) return undefined;
  const message = known?.inOurWords === undefined ? rawMessage : rawMessage.replace(known.pattern, known.inOurWords);
  return { reason, message };
}
