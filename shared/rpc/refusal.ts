/** The answer to a request that no handler sees, in the protocol of whoever asked. A plain 404 would tell a gRPC client nothing. */
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { LocumError } from '../errors.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../gen/google/rpc/status_pb.ts';
import type { HttpRequest, HttpResponse } from './http-handler.ts';
import { ERROR_DOMAIN } from './status-details.ts';

/** Answers without the body, which is thrown away as it comes. `httpStatus` is that of every protocol but gRPC and gRPC-Web. */
export function sendRefusal(request: HttpRequest, response: HttpResponse, error: LocumError, httpStatus: number): void {
  const info = create(ErrorInfoSchema, { reason: error.reason, domain: ERROR_DOMAIN });
  const code = Code[error.code];
  // What a stranger sent may be in it, and half a surrogate pair has no UTF-8.
  const message = error.message.toWellFormed();
  const contentType = request.headers['content-type'] ?? '';
  // The body is of no interest, and a socket with half a request in it can't be used again.
  request.resume();
  if (contentType.startsWith('application/grpc')) {
    const details = [anyPack(ErrorInfoSchema, info)];
    const status = create(StatusSchema, { code, message, details });
    // A response of headers only is how gRPC and gRPC-Web send an error without a message before it. These headers have to end the stream
    // themselves, which they do only where nothing sent them before: after `writeHead` an empty frame of data would end it, and grpc-go
    // takes that for a stream without trailers, whatever the headers say.
    response.statusCode = 200;
    response.setHeader('content-type', contentType);
    response.setHeader('grpc-status', String(code));
    response.setHeader('grpc-message', encodeURIComponent(message));
    const details64 = Buffer.from(toBinary(StatusSchema, status)).toString('base64').replace(/=+$/, '');
    response.setHeader('grpc-status-details-bin', details64);
    response.end();
    return;
  }
  const value = Buffer.from(toBinary(ErrorInfoSchema, info)).toString('base64').replace(/=+$/, '');
  const debug = { reason: error.reason, domain: ERROR_DOMAIN };
  const body = {
    code: error.code.toLowerCase(),
    message,
    details: [{ type: ErrorInfoSchema.typeName, value, debug }],
  };
  // RFC 6750, section 3.
  const challenge = httpStatus === 401 ? { 'www-authenticate': 'Bearer realm="locum"' } : {};
  response.writeHead(httpStatus, { 'content-type': 'application/json', ...challenge });
  response.end(`${JSON.stringify(body)}\n`);
}
