/** The answer to a path that no service has. */
import { LocumError } from '../errors.ts';
import { type HttpRequest, type HttpResponse, pathOf } from './http-handler.ts';
import { sendRefusal } from './refusal.ts';

const ADVICE = 'list the services by reflection (grpcurl HOST:PORT list), methods are called by POST';

export function sendUnknownMethod(request: HttpRequest, response: HttpResponse): void {
  const path = pathOf(request).slice(0, 200);
  const error = new LocumError('UNIMPLEMENTED', `${path} is no method of this listener; ${ADVICE}`);
  sendRefusal(request, response, error, 404);
}
