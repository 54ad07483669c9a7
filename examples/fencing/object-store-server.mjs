// A stand-in for an object store, to try object-store.mjs with: node object-store-server.mjs PORT
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const objects = new Map();
const etagOf = (body) => `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;

const server = createServer(async (request, response) => {
  const { method, url, headers } = request;
  const body = await text(request);
  // Read after the body has come, so that nothing comes between the comparison and the write.
  const old = objects.get(url);
  if (method === 'GET' && old === undefined) return response.writeHead(404).end();
  if (method === 'GET') return response.writeHead(200, { etag: etagOf(old) }).end(old);
  const other = headers['if-match'] !== undefined && (old === undefined || headers['if-match'] !== etagOf(old));
  const exists = headers['if-none-match'] === '*' && old !== undefined;
  if (other || exists) return response.writeHead(412).end();
  objects.set(url, body);
  return response.writeHead(200, { etag: etagOf(body) }).end();
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port));
