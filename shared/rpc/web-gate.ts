/** Refuses what a web page of a foreign origin sends, before a page is made or a body is read, and tells browsers what others may send. */
import { judgeWebAccess, type WebRule } from '../access/web-access.ts';
import type { LocumError } from '../errors.ts';
import { allowOrigin } from './cross-origin.ts';
import type { HttpHandler, HttpRequest } from './http-handler.ts';
import { sendRefusal } from './refusal.ts';

/** Is told of each request that is refused. */
export type Denied = (request: HttpRequest, error: LocumError) => void;

/** Lets to `handler` what the rule allows. The rule is asked for at each request: a listener knows its address only when it is bound. */
export function withWebGate(rule: () => WebRule, handler: HttpHandler, denied: Denied = () => {}): HttpHandler {
  return (request, response) => {
    const origin = originOf(request);
    const error = judgeWebAccess({ authorities: authoritiesOf(request), origin }, rule());
    if (error === undefined) {
      // Before anybody is asked who he is: a browser shows nothing when it asks what it may send.
      if (origin !== undefined && allowOrigin(request, response, origin)) return;
      return handler(request, response);
    }
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
