/** Refuses what a web page of another origin sends, before a page is made or a body is read. */
import { judgeWebAccess, type WebRule } from '../access/web-access.ts';
import type { LocumError } from '../errors.ts';
import type { HttpHandler, HttpRequest } from './http-handler.ts';
import { sendRefusal } from './refusal.ts';

/** Is told of each request that is refused. */
export type Denied = (request: HttpRequest, error: LocumError) => void;

/** Lets to `handler` what the rule allows. The rule is asked for at each request: a listener knows its address only when it is bound. */
export function withWebGate(rule: () => WebRule, handler: HttpHandler, denied: Denied = () => {}): HttpHandler {
  return (request, response) => {
    const error = judgeWebAccess({ authorities: authoritiesOf(request), origin: originOf(request) }, rule());
    if (error === undefined) return handler(request, response);
    denied(request, error);
    sendRefusal(request, response, error, 403);
  };
}

/** HTTP/2 may carry both, and only one of them is looked at later: so each of them has to be allowed. */
function authoritiesOf({ headers }: HttpRequest): string[] {
  const authority = headers[':authority'];
  return [authority, headers.host].filter((name) => typeof name === 'string');
}

function originOf({ headers: { origin } }: HttpRequest): string | undefined {
  return Array.isArray(origin) ? origin.join(', ') : origin;
}
