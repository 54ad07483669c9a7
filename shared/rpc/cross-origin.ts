/**
 * What a browser has to be told before a page may call another origin than its own (CORS, section 3.3 of the Fetch standard). Only pages
 * that web-access.ts allows are told it. What the browser would send by itself (cookies, certificates) is never allowed: a page shows a token.
 */
import { cors } from '@connectrpc/connect';
import { ACTOR_HEADER } from './actor-header.ts';
import type { HttpRequest, HttpResponse } from './http-handler.ts';

/** A browser asks again after this long. Chromium takes no more than 2 h. */
const MAX_AGE_SECONDS = 7_200;
const ALLOWED_HEADERS = [...cors.allowedHeaders, 'authorization', ACTOR_HEADER].join(', ');

/** Puts it into the answer. True: the request only asked whether it may be sent, and is answered. */
export function allowOrigin(request: HttpRequest, response: HttpResponse, origin: string): boolean {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
  request.resume();
  response.writeHead(204, {
    'access-control-allow-methods': cors.allowedMethods.join(', '),
    'access-control-allow-headers': ALLOWED_HEADERS,
    'access-control-max-age': String(MAX_AGE_SECONDS),
  });
  response.end();
  return true;
}
