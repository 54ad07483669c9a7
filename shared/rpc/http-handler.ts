/** The types that Node's http and http2 servers share, as connect-node sees them (it does not export their names). */
import type { connectNodeAdapter } from '@connectrpc/connect-node';

/** A listener for the 'request' event of both servers. */
export type HttpHandler = ReturnType<typeof connectNodeAdapter>;
export type HttpRequest = Parameters<HttpHandler>[0];
export type HttpResponse = Parameters<HttpHandler>[1];

/** The path of a request without its query. */
export function pathOf({ url = '' }: HttpRequest): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
