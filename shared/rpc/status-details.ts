/**
 * LocumError to and from what goes over the wire: google.rpc.Status details, the same for gRPC, gRPC-Web and Connect. Every
 * error that leaves carries one ErrorInfo of domain `locum`. For grpc-js see grpc-status.ts.
 */
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { type ErrorReason, errorCodes, internalError, isErrorReason, LocumError } from '../errors.ts';
import { Code as RpcCode } from '../gen/google/rpc/code_pb.ts';
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  type ResourceInfo,
  ResourceInfoSchema,
  type RetryInfo,
  RetryInfoSchema,
} from '../gen/google/rpc/error_details_pb.ts';
import { cut, printable } from '../printable.ts';
import { libraryError } from './library-errors.ts';
import { fromDuration, toDuration } from './time-messages.ts';

export const ERROR_DOMAIN = 'locum';

const QUOTE_LIMIT_CHARACTERS = 500;

/** A detail with the schema it is encoded by; the form that ConnectError takes. */
export interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

/** The details of an error, ErrorInfo first. */
export function detailsOf(error: LocumError): Detail[] {
  const { reason, code, metadata, fieldViolations, resource, retryAfterMs, message } = error;
  const details: Detail[] = [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { ...metadata } }),
    },
  ];
  if (fieldViolations.length > 0) {
    const violations = fieldViolations.map(({ field, description }) => ({ field, description }));
    details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations: violations }) });
  }
  if (code === 'FAILED_PRECONDITION') {
    const violations = [{ type: reason, subject: resource ?? '', description: message }];
    details.push({ desc: PreconditionFailureSchema, value: create(PreconditionFailureSchema, { violations }) });
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = toDuration(retryAfterMs);
    details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  if (resource !== undefined) {
    const info = { resourceType: resourceType(resource), resourceName: resource, description: message };
    details.push({ desc: ResourceInfoSchema, value: create(ResourceInfoSchema, info) });
  }
  return details;
}

function resourceType(name: string): string {
  const collection = name.split('/')[0] ?? '';
  const singular = collection === 'policies' ? 'policy' : collection.replace(/s$/, '');
  return `locum.v1.${singular.charAt(0).toUpperCase()}${singular.slice(1)}`;
}

/** What a client reads out of an answer. */
export interface ReceivedDetails {
  readonly info: ErrorInfo | undefined;
  readonly badRequest: BadRequest | undefined;
  readonly resource: ResourceInfo | undefined;
  readonly retry: RetryInfo | undefined;
}

/** The other way; undefined when the sender was no Locum, or a newer one with a reason that we do not know. */
export function errorFromDetails(
  message: string,
  { info, badRequest, resource, retry }: ReceivedDetails,
): LocumError | undefined {
  if (info?.domain !== ERROR_DOMAIN || !isErrorReason(info.reason)) return undefined;
  return new LocumError(info.reason, message, {
    metadata: info.metadata,
    fieldViolations: (badRequest?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
    resource: resource?.resourceName,
    retryAfterMs: fromDuration(retry?.retryDelay),
  });
}

/**
 * What an API handler's failure is for its caller. Anything that is not an answer of ours becomes INTERNAL, with the original as
 * `cause`: the caller of this function logs it, and the client learns nothing about the inside.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) {
    annotate(error);
    return error;
  }
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) return aborted(error);
  const known = error instanceof LocumError ? error : internalError(error);
  return new ConnectError(known.message, RpcCode[known.code], undefined, detailsOf(known), known.cause);
}

/** The handler's own waiting was ended by a signal, which is no defect: the caller went away or ran out of time, or we stop. */
function aborted(error: Error): ConnectError {
  const why = error.cause;
  return why instanceof LocumError || why instanceof ConnectError ? toConnectError(why) : ConnectError.from(error);
}

/** The reason of an error that is about to be sent, undefined for one without (cancelled, out of time). */
export function reasonOf(error: ConnectError): ErrorReason | undefined {
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === ERROR_DOMAIN);
  return info !== undefined && isErrorReason(info.reason) ? info.reason : undefined;
}

/** An answer of our API as the error it was made from; undefined for anything else, such as a refused connection. */
export function fromConnectError(error: unknown): LocumError | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return errorFromDetails(error.rawMessage, {
    info: error.findDetails(ErrorInfoSchema)[0],
    badRequest: error.findDetails(BadRequestSchema)[0],
    resource: error.findDetails(ResourceInfoSchema)[0],
    retry: error.findDetails(RetryInfoSchema)[0],
  });
}

/**
 * Gives an error that the library made itself (a message too large, JSON that does not parse, no such method) the reason it
 * lacks, in place: the library is already on its way to send it. Cancelled and out-of-time calls have no reason.
 */
export function annotate(error: ConnectError): void {
  if (error.isWireError || reasonOf(error) !== undefined) return;
  const known = libraryError(error);
  if (known === undefined) return;
  const { reason } = known;
  // The library quotes what it could not read, at any length.
  Object.assign(error, { rawMessage: printable(cut(known.message, QUOTE_LIMIT_CHARACTERS)) });
  Object.assign(error, { code: RpcCode[errorCodes[reason]] });
  const fieldViolations = reason === 'INVALID_FIELD' ? [{ field: '', description: error.rawMessage }] : [];
  error.details.push(...detailsOf(new LocumError(reason, error.rawMessage, { fieldViolations })));
}
