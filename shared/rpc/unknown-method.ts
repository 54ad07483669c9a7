/** The answer to a path that no service has, in the protocol of whoever asked. A plain 404 would tell a gRPC client nothing. */
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { LocumError } from '../errors.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../gen/google/rpc/status_pb.ts';
import { type HttpRequest, type HttpResponse, pathOf } from './http-handler.ts';
import { ERROR_DOMAIN } from './status-details.ts';

const ADVICE = 'list the services by reflection (grpcurl HOST:PORT list), methods are called by POST';

export function sendUnknownMethod(request: HttpRequest, response: HttpResponse): void {
  const path = pathOf(request).slice(0, 200);
  const error = new LocumError('UNIMPLEMENTED', `${path} is no method of this listener; ${ADVICE}`);
  const info = create(ErrorInfoSchema, { reason: error.reason, domain: ERROR_DOMAIN });
  const contentType = request.headers['content-type'] ?? '';
  // The body is of no interest, and a socket with half a request in it can't be used again.
  request.resume();
  if (contentType.startsWith('application/grpc')) {
    const details = [anyPack(ErrorInfoSchema, info)];
    const status = create(StatusSchema, { code: Code.UNIMPLEMENTED, message: error.message, details });
    // A response of headers only is how gRPC and gRPC-Web send an error without a message before it.
    response.writeHead(200, {
      'content-type': contentType,
      'grpc-status': String(Code.UNIMPLEMENTED),
      'grpc-message': encodeURIComponent(error.message),
      'grpc-status-details-bin': Buffer.from(toBinary(StatusSchema, status)).toString('base64').replace(/=+$/, ''),
    });
    response.end();
    return;
  }
  const value = Buffer.from(toBinary(ErrorInfoSchema, info)).toString('base64').replace(/=+$/, '');
  const debug = { reason: error.reason, domain: ERROR_DOMAIN };
  const body = {
    code: 'unimplemented',
    message: error.message,
    details: [{ type: ErrorInfoSchema.typeName, value, debug }],
  };
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
