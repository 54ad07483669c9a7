/** Plain HTTP pages beside the API, for probes and scrapers: `/healthz`, `/readyz`, `/metrics`. */
import { holdingOf } from './held-calls.ts';
import { type HttpHandler, type HttpResponse, pathOf } from './http-handler.ts';

export interface PlainPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Pages by path, made anew for each GET. */
export type PlainRoutes = Readonly<Record<string, () => PlainPage | Promise<PlainPage>>>;

export function textPage(body: string, status = 200): PlainPage {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

/** Serves the pages, and everything else by `handler`. A page that fails answers 500 and goes to `onDefect`. */
export function withPlainRoutes(
  routes: PlainRoutes,
  handler: HttpHandler,
  onDefect: (error: unknown) => void,
): HttpHandler {
  return (request, response) => {
    const path = pathOf(request);
    const make = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (make === undefined) return handler(request, response);
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, textPage('Only GET is answered here.\n', 405), { allow: 'GET, HEAD' });
    }
    const answer = async (): Promise<void> => send(response, await make());
    answer().catch((error: unknown) => {
      onDefect(error);
      send(response, textPage('internal error\n', 500));
    });
  };
}

function send(response: HttpResponse, page: PlainPage, more: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(page.body);
  response.writeHead(page.status, {
    'content-type': page.contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    ...more,
  });
  holdingOf(response).hold(bytes.length);
  // Node itself leaves the body of an answer to HEAD out.
  response.end(bytes);
}
