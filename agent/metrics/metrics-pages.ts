/**
 * Pages for probes and scrapers of this host: `/livez`, `/readyz`, and for who shows the token `/metrics`. On loopback only, by a server that
 * a reader who hangs costs nothing but its own few connections.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { judgeWebAccess } from '../../shared/access/web-access.ts';
import { formatListenAddress, type ListenAddress } from '../../shared/listen-address.ts';
import type { AgentReadiness } from '../readiness.ts';
import { showsToken } from './metrics-token.ts';

export interface MetricsPagesOptions {
  /** On loopback. */
  readonly address: ListenAddress;
  readonly token: string;
  readonly metrics: () => Promise<string>;
  readonly contentType: string;
  readonly readiness: () => AgentReadiness;
  /** How long a caller may take to say what it wants, or be silent. Default 5 s. */
  readonly requestMs?: number;
}

export interface MetricsPages {
  /** As bound, `host:port`. */
  readonly address: string;
  readonly close: () => void;
}

const CONNECTIONS_MAX = 32;
const REQUEST_MS = 5_000;

/** Not imported: see local-control.ts. */
const { createServer } = process.getBuiltinModule('node:http');

/** Rejects with what the system says when it can't be bound. */
export async function openMetricsPages(options: MetricsPagesOptions): Promise<MetricsPages> {
  const { requestMs = REQUEST_MS } = options;
  // By itself Node looks every half minute: so long a few callers who say nothing would keep everybody out.
  const connectionsCheckingInterval = requestMs / 5;
  const times = { requestTimeout: requestMs, headersTimeout: requestMs, keepAliveTimeout: requestMs };
  const limits = { ...times, connectionsCheckingInterval };
  const server = createServer(limits, (request, response) => {
    answer(request, options).then(
      (page) => send(response, page),
      (error: unknown) => send(response, { status: 500, body: `${String(error)}\n` }),
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  const port = await listen(server, options.address);
  // What is said to one that hangs must not keep the agent from ending.
  server.unref();
  return {
    address: formatListenAddress({ host: options.address.host, port }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  await promise;
  server.off('error', reject);
  server.on('error', () => undefined);
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

interface Page {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function answer(request: IncomingMessage, options: MetricsPagesOptions): Promise<Page> {
  const { host, origin, authorization } = request.headers;
  const web = { authorities: host === undefined ? [] : [host], origin };
  const refused = judgeWebAccess(web, { loopback: true, hosts: [] });
  if (refused !== undefined) return { status: 403, body: `${refused.reason}: ${refused.message}\n` };
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, body: 'Only GET is answered here.\n', headers: { allow: 'GET, HEAD' } };
  switch ((request.url ?? '').replace(/\?.*$/s, '')) {
    case '/livez':
      return { status: 200, body: 'ok\n' };
    case '/readyz': {
      const { ready, words } = options.readiness();
      return { status: ready ? 200 : 503, body: `${words}\n` };
    }
    case '/metrics':
      if (!showsToken(authorization, options.token)) return UNKNOWN_CALLER;
      return { status: 200, body: await options.metrics(), contentType: options.contentType };
    default:
      return { status: 404, body: 'There are /livez, /readyz and /metrics.\n' };
  }
}

const UNKNOWN_CALLER: Page = {
  status: 401,
  body: 'Show the token of this agent: authorization: Bearer …\n',
  headers: { 'www-authenticate': 'Bearer' },
};

function send(
  response: ServerResponse,
  { status, body, contentType = 'text/plain; charset=utf-8', headers = {} }: Page,
): void {
  const bytes = Buffer.from(body);
  const own = { 'content-type': contentType, 'content-length': bytes.length, 'cache-control': 'no-store' };
  response.writeHead(status, { ...own, ...headers });
  response.end(bytes);
}
