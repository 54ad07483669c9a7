/** What a failed call says about its connection. */
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';

const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

/** TLS was refused, by us for the sake of the other's certificate or by the other: so Node's codes begin or end. */
const TLS_REFUSED = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$)|_CERT$|_IN_CHAIN$/;

/** What OpenSSL takes an answer in plain text for. */
const NO_TLS = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/;

/** Whether TLS was spoken to somebody who speaks none. */
export const spokeToPlain = (error: unknown): boolean => codesOf(error).some((code) => NO_TLS.test(code));

/** Of an error, and of all that it was made from. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    for (const one of [at, ...(at instanceof AggregateError ? at.errors : [])]) {
      const { code }: NodeJS.ErrnoException = one;
      if (typeof code === 'string') codes.push(code);
    }
  return codes;
}

/** Whether Node could not even connect, or TLS was refused: nothing was sent, and the same again would do no better. */
export function neverArrived(error: unknown): boolean {
  return codesOf(error).some((code) => NOT_CONNECTED.has(code) || TLS_REFUSED.test(code) || NO_TLS.test(code));
}

/**
 * Codes that a client makes itself when a connection breaks under a call. An orderly close (FIN) before the answer is told as CANCELED,
 * a reset as ABORTED, an answer that breaks off in its middle as INTERNAL or UNKNOWN.
 */
const BROKEN: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted, Code.Internal, Code.Unknown, Code.Canceled]);

/**
 * Whether a call ended without an answer, so that it may have been done or not. An answer of ours has a reason, whatever its code. A
 * call that its own caller cancelled looks the same: look at the signal first.
 */
export function brokeOff(error: unknown): boolean {
  return error instanceof ConnectError && BROKEN.has(error.code) && error.findDetails(ErrorInfoSchema).length === 0;
}
