/** What of a call goes on to the leader, and what may be done twice. */
import { randomUUID } from 'node:crypto';
import type { DescMessage, DescMethod, MessageShape } from '@bufbuild/protobuf';
import { clone } from '@bufbuild/protobuf';
import { parseTimeout as parseConnectTimeout } from '@connectrpc/connect/protocol-connect';
import { parseTimeout as parseGrpcTimeout } from '@connectrpc/connect/protocol-grpc';

/** Names the controller that passes a call on. Who gets such a call and does not lead refuses it, so that none goes in circles. */
export const FORWARDED_HEADER = 'x-locum-forwarded';

/** Address that the passed on call came from. */
export const SOURCE_HEADER = 'x-locum-source';

/** Of what callers say in headers, everything that is not the protocol's own. */
const PASSED_ON = /^(?:x-|traceparent$|tracestate$|baggage$)/;
/** What only controllers say to each other. */
const BETWEEN_CONTROLLERS = /^x-locum-(?:forwarded|source|vouched|signature)$/;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const READING = /^(?:Get|List|Watch|Explain|Stream|Simulate|Check)/;

/** `vouched`: for whom, signed; see controller/access/vouching.ts. */
export function headersOnward(
  from: Headers,
  {
    self,
    source,
    vouched,
  }: { readonly self: string; readonly source: string; readonly vouched: Readonly<Record<string, string>> },
): Headers {
  const onward = new Headers();
  from.forEach((value, name) => {
    if (PASSED_ON.test(name) && !BETWEEN_CONTROLLERS.test(name)) onward.append(name, value);
  });
  onward.set(FORWARDED_HEADER, self);
  onward.set(SOURCE_HEADER, source);
  for (const [name, value] of Object.entries(vouched)) onward.set(name, value);
  return onward;
}

/** The time that the caller gives, in the words of its protocol; undefined: as long as it takes. */
export function timeoutOf(header: Headers): number | undefined {
  const grpc = header.get('grpc-timeout');
  if (grpc !== null) return parseGrpcTimeout(grpc, MAX_TIMEOUT_MS).timeoutMs;
  return parseConnectTimeout(header.get('connect-timeout-ms'), MAX_TIMEOUT_MS).timeoutMs;
}

/**
 * What an answer says in its headers and trailers besides its message: that of the caller's protocol, since the leader was asked in
 * another one. A handler of ours gets these from the library, and an interceptor that answers in its place has to bring them.
 */
export function headersBack(request: Headers): { readonly header: Headers; readonly trailer: Headers } {
  const contentType = request.get('content-type') ?? 'application/proto';
  const isGrpc = contentType.startsWith('application/grpc');
  return {
    header: new Headers({ 'content-type': contentType }),
    trailer: new Headers(isGrpc ? { 'grpc-status': '0' } : {}),
  };
}

export interface Repeatable<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>;
  /** Whether doing it twice is as good as once: it only reads, or says who it is. */
  readonly repeatable: boolean;
  /** Whether that holds for the caller too, who does not know an id that was given here. */
  readonly repeatableByCaller: boolean;
}

/** The call to pass on: with a request_id, where there is a field for one and the caller left it empty. */
export function makeRepeatable<I extends DescMessage>(
  method: DescMethod & { readonly input: I },
  message: MessageShape<I>,
): Repeatable<I> {
  const known = { repeatable: true, repeatableByCaller: true };
  if (READING.test(method.name)) return { message, ...known };
  if (method.input.field['requestId'] === undefined) return { message, repeatable: false, repeatableByCaller: false };
  if (Reflect.get(message, 'requestId') !== '') return { message, ...known };
  const named = clone(method.input, message);
  Reflect.set(named, 'requestId', randomUUID());
  return { message: named, repeatable: true, repeatableByCaller: false };
}
