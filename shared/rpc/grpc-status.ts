/** LocumError to and from the errors of grpc-js, which carry details as bytes in a trailer. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { internalError, LocumError } from '../errors.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from '../gen/google/rpc/error_details_pb.ts';
import { type Status, StatusSchema } from '../gen/google/rpc/status_pb.ts';
import { detailsOf, errorFromDetails } from './status-details.ts';

const TRAILER = 'grpc-status-details-bin';

/** What grpc-js takes as the error of a call: `callback(toGrpcError(e))`, `stream.emit('error', toGrpcError(e))`. */
export interface GrpcError {
  readonly code: grpc.status;
  readonly details: string;
  readonly metadata: grpc.Metadata;
}

/** Anything that is no LocumError becomes INTERNAL; the caller logs it. */
export function toGrpcError(error: unknown): GrpcError {
  const known = error instanceof LocumError ? error : internalError(error);
  const code = grpc.status[known.code];
  const details = detailsOf(known).map(({ desc, value }) => anyPack(desc, create(desc, value)));
  const status = create(StatusSchema, { code, message: known.message, details });
  const metadata = new grpc.Metadata();
  metadata.set(TRAILER, Buffer.from(toBinary(StatusSchema, status)));
  return { code, details: known.message, metadata };
}

function statusOf({ metadata }: grpc.StatusObject | grpc.ServiceError): Status | undefined {
  const [bytes] = metadata.get(TRAILER);
  if (bytes === undefined || typeof bytes === 'string') return undefined;
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    // Not ours: the code and the text still say what there is to know.
    return undefined;
  }
}

/** An error of a call as the answer it was made from; undefined when it is no answer of Locum, such as a refused connection. */
export function fromGrpcError(error: grpc.StatusObject | grpc.ServiceError): LocumError | undefined {
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const find = <T>(unpack: (any: Status['details'][number]) => T | undefined): T | undefined =>
    status.details.map(unpack).find((message) => message !== undefined);
  return errorFromDetails(status.message, {
    info: find((any) => anyUnpack(any, ErrorInfoSchema)),
    badRequest: find((any) => anyUnpack(any, BadRequestSchema)),
    resource: find((any) => anyUnpack(any, ResourceInfoSchema)),
    retry: find((any) => anyUnpack(any, RetryInfoSchema)),
  });
}
