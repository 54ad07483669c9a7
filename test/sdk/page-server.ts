/**
 * An empty page that may load the modules of a folder, TypeScript too, and the packages that are installed there. As in Node, types are taken
 * off and nothing else is done: what runs in a browser is what is written.
 */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { join, normalize } from 'node:path';

const OWNERS = ['@bufbuild/', '@connectrpc/', 'locum-client/'];
const IMPORTS = Object.fromEntries(OWNERS.map((owner) => [owner, `/packages/${owner}`]));
const PAGE = `<!doctype html><title>Locum</title><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`;

export interface PageServer {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export async function startPageServer(folder: string): Promise<PageServer> {
  const server = createServer((request, response) => {
    try {
      answer(folder, new URL(request.url ?? '/', 'http://page').pathname, response);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answer(folder: string, path: string, response: ServerResponse): void {
  if (path === '/') return void response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  const specifier = /^\/packages\/(.+)$/.exec(path)?.[1];
  // Files of a package import each other from where they are.
  if (specifier !== undefined) return void response.writeHead(302, { location: placeOf(folder, specifier) }).end();
  const file = join(folder, normalize(path));
  if (!/\.[jt]s$/.test(file)) return void response.writeHead(404).end();
  const text = readFileSync(file, 'utf8');
  response.writeHead(200, { 'content-type': 'text/javascript' });
  response.end(file.endsWith('.ts') ? stripTypeScriptTypes(text) : text);
}

type Exports = Readonly<Record<string, string | { readonly import: string | { readonly default: string } }>>;

/** Where the manifest of a package has what is imported, as a bundler would find it. */
function placeOf(folder: string, specifier: string): string {
  const [, name = '', rest = ''] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ?? [];
  const manifest: { exports: Exports } = JSON.parse(
    readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'),
  );
  for (const [pattern, entry] of Object.entries(manifest.exports)) {
    const [before = '', after] = pattern.split('*');
    const wanted = `.${rest}`;
    if (after === undefined ? wanted !== pattern : !wanted.startsWith(before) || !wanted.endsWith(after)) continue;
    const chosen = typeof entry === 'string' ? entry : entry.import;
    const target = typeof chosen === 'string' ? chosen : chosen.default;
    const middle = after === undefined ? '' : wanted.slice(before.length, wanted.length - after.length);
    return join('/node_modules', name, target.replaceAll('*', middle));
  }
  throw new Error(`${specifier} is not exported`);
}
